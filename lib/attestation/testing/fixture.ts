import { type Bytes, concatBytes } from '../bytes.ts';
import { signatureInput } from '../cose.ts';
import { ANY, type Policy } from '../policy.ts';
import { verifyAttestation } from '../verify.ts';
import { type DocumentFields, encodePayload, envelope, payloadEntries, signDocument } from './issue.ts';
import {
  type CertificateOptions,
  type Chain,
  type Identity,
  issueChain,
  issueRoot,
  signEs384,
} from './pki.ts';

/** The moment at which the tests' documents are made and verified. */
export const NOW = Date.UTC(2026, 0, 15, 12);

/** Fields of a document that a policy of any kind can accept. */
export const FIELDS: DocumentFields = {
  moduleId: 'i-0123456789abcdef0-enc0123456789abcdef',
  timestamp: NOW,
  pcrs: new Map(Array.from({ length: 16 }, (_, index) => [index, new Uint8Array(48).fill(index + 1)])),
  publicKey: null,
  userData: new Uint8Array(32).fill(0xdd),
  nonce: new Uint8Array(32).fill(0xee),
};

/** Issues documents, good and bad, under one root of its own, and asks the verifier about them. */
export class Fixture {
  readonly root: Identity;
  readonly chain: Chain;

  private constructor(root: Identity, chain: Chain) {
    this.root = root;
    this.chain = chain;
  }

  static async create(name = 'test-root'): Promise<Fixture> {
    const root = await issueRoot(name, NOW);
    return new Fixture(root, await issueChain(root, NOW));
  }

  /** A signed document, with fields changed. */
  document(fields: Partial<DocumentFields> = {}, chain = this.chain): Promise<Bytes> {
    return this.sign(this.entries(fields, chain), chain);
  }

  entries(fields: Partial<DocumentFields> = {}, chain = this.chain): Record<string, Uint8Array> {
    return payloadEntries({ ...FIELDS, ...fields }, chain);
  }

  /** Signs a payload of these entries, or these very bytes. */
  sign(payload: Record<string, Uint8Array> | Uint8Array, chain = this.chain): Promise<Bytes> {
    return signDocument(payload instanceof Uint8Array ? payload : encodePayload(payload), chain);
  }

  /** A document whose protected header is another one, and is signed as such. */
  async signWithHeader(header: Uint8Array<ArrayBuffer>): Promise<Bytes> {
    const payload = encodePayload(this.entries());
    const signature = await signEs384(this.chain.leaf.privateKey, signatureInput(header, payload));
    return envelope(payload, signature, header);
  }

  /** A document from a chain of which some levels are not as they should be. */
  async documentFrom(changes: Record<string, Partial<CertificateOptions>>): Promise<Bytes> {
    return this.document({}, await issueChain(this.root, NOW, changes));
  }

  verify(document: Uint8Array, policy: Partial<Policy> = {}, now = NOW) {
    return verifyAttestation(document, now, { ...ANY, root: this.root.certificate, ...policy });
  }

  /** Code of the refusal; `'accepted'` when there is none. Anything that is not a refusal is thrown. */
  async code(document: Uint8Array, policy: Partial<Policy> = {}, now = NOW): Promise<string> {
    try {
      await this.verify(document, policy, now);
      return 'accepted';
    } catch (error) {
      if (error instanceof Error && error.name === 'AttestationError')
        return (error as Error & { code: string }).code;
      throw error;
    }
  }
}

/** The signature's 96 bytes are the last of a document. */
export function replaceSignature(document: Bytes, signature: Uint8Array): Bytes {
  return concatBytes(document.subarray(0, -96), signature);
}
