import { type CredentialClaim, credentialMessage } from '@daasvader/verifier/credential-message.ts';
import { userOf } from '@daasvader/verifier/user.ts';
import { verifyPersonalMessageSignature } from '@mysten/sui/verify';
import { EnclaveError } from '../error.ts';
import { publicKeyOf } from './p256.ts';
import { assertSupportedSignature } from './signature.ts';
import type { Certificate, CertificateSigner } from './signer.ts';

/** Seconds that a user's certificate lives. */
const LIFETIME_SECONDS = 600;
/** How far the signed time may be from ours, in ms. */
const WINDOW_MS = 60_000;
/** 4, x and y, so that each key is written, and signed for, in one way. */
const POINT = /^04[0-9a-f]{128}$/;

/** What a user signs with the key of a Sui address to get a credential. */
export interface CredentialRequest extends CredentialClaim {
  readonly signature: string;
}

/** Checks the proofs of users; each signed message serves once. */
export class CredentialProofs {
  readonly #clusterId: string;
  readonly #now: () => number;
  readonly #used = new Map<string, number>();

  constructor(clusterId: string, now: () => number = Date.now) {
    this.#clusterId = clusterId;
    this.#now = now;
  }

  /**
   * Checks time and key, and that the address signed for that key.
   *
   * @throws {EnclaveError} `credential`
   */
  async check(request: CredentialRequest): Promise<void> {
    const { address, publicKey, signature, timestampMs } = request;
    const message = credentialMessage(this.#clusterId, request);
    const now = this.#now();
    if (Math.abs(now - timestampMs) > WINDOW_MS)
      throw refuse(`the signed time is not within ${WINDOW_MS / 1_000} s of ours`);
    for (const [used, at] of this.#used) if (now - at > 2 * WINDOW_MS) this.#used.delete(used);
    checkKey(publicKey);
    assertSupportedSignature(signature);
    try {
      await verifyPersonalMessageSignature(message, signature, { address });
    } catch (cause) {
      throw refuse('the signature is not of this address', cause);
    }
    // The message is what counts: a signature has several encodings. Nothing is awaited between look and note.
    const claim = Buffer.from(message).toString();
    if (this.#used.has(claim)) throw refuse('this signature was used before; sign again');
    this.#used.set(claim, now);
  }
}

function checkKey(publicKey: string): void {
  if (!POINT.test(publicKey)) throw refuse('public_key is not an uncompressed point of P-256 in hex');
  try {
    publicKeyOf(Buffer.from(publicKey, 'hex'));
  } catch (cause) {
    throw refuse('public_key is not on the curve P-256', cause);
  }
}

/** Signs the certificate of a user whose proof was checked: the address's user, the key that it signed for, no group. */
export function signCredential(
  signer: CertificateSigner,
  { address, publicKey }: CredentialClaim,
): Promise<Certificate> {
  return signer.sign({
    commonName: userOf(address),
    publicKey: Buffer.from(publicKey, 'hex'),
    purpose: 'client',
    dnsNames: [],
    addresses: [],
    lifetimeSeconds: LIFETIME_SECONDS,
  });
}

function refuse(why: string, cause?: unknown): EnclaveError {
  return new EnclaveError('credential', `Cannot issue a credential: ${why}`, { cause });
}
