import { randomBytes, X509Certificate } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CredentialClaim, credentialMessage } from '@daasvader/control-plane/credential-message.ts';
import type { V1CertificateSigningRequest } from '@kubernetes/client-node';
import { verifyPersonalMessageSignature } from '@mysten/sui/verify';
import 'reflect-metadata'; // @peculiar/x509 needs it loaded first
import { Pkcs10CertificateRequest } from '@peculiar/x509';
import { EnclaveError } from '../error.ts';
import { answer } from './csr-approver.ts';
import type { Kubernetes } from './kubernetes.ts';
import { userOf } from './names.ts';
import { assertSupportedSignature } from './signature.ts';

/** Seconds that a user's certificate lives: the shortest that Kubernetes signs. */
const LIFETIME_SECONDS = 600;
/** How far the signed time may be from ours, in ms. */
const WINDOW_MS = 60_000;
const SIGNING_TIMEOUT_MS = 10_000;
const POLL_MS = 50;
const MAX_CSR_LENGTH = 8_192;

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
   * Checks time, signature, and that the certificate request asks for this address and nothing else.
   *
   * @throws {EnclaveError} `credential`
   */
  async check(request: CredentialRequest): Promise<void> {
    const { address, signature, timestampMs } = request;
    const message = credentialMessage(this.#clusterId, request);
    const now = this.#now();
    if (Math.abs(now - timestampMs) > WINDOW_MS)
      throw refuse(`the signed time is not within ${WINDOW_MS / 1_000} s of ours`);
    for (const [used, at] of this.#used) if (now - at > 2 * WINDOW_MS) this.#used.delete(used);
    await checkSubject(request.csr, address);
    assertSupportedSignature(signature);
    try {
      await verifyPersonalMessageSignature(message, signature, { address });
    } catch (cause) {
      throw new EnclaveError(
        'credential',
        'Cannot issue a credential: the signature is not of this address',
        { cause },
      );
    }
    // The message is what counts: a signature has several encodings. Nothing is awaited between look and note.
    const claim = Buffer.from(message).toString();
    if (this.#used.has(claim)) throw refuse('this signature was used before; sign again');
    this.#used.set(claim, now);
  }
}

async function checkSubject(pem: string, address: string): Promise<void> {
  let csr: Pkcs10CertificateRequest;
  try {
    if (pem.length > MAX_CSR_LENGTH) throw new RangeError(`longer than ${MAX_CSR_LENGTH} characters`);
    csr = new Pkcs10CertificateRequest(pem);
  } catch (cause) {
    throw new EnclaveError('credential', 'Cannot issue a credential: csr is not PKCS #10 in PEM', { cause });
  }
  if (!(await csr.verify())) throw refuse('the certificate request is not signed by its own key');
  // An organisation would be a group in Kubernetes, so the name must be the user and nothing more.
  if (JSON.stringify(csr.subjectName.toJSON()) !== JSON.stringify([{ CN: [userOf(address)] }])) {
    throw refuse(`the certificate request must name CN=${userOf(address)} and nothing else`);
  }
  if (csr.extensions.length > 0) throw refuse('the certificate request must have no extensions');
}

/** A user's client certificate. */
export interface Certificate {
  readonly pem: string;
  readonly expiresAtMs: number;
}

/**
 * Has Kubernetes sign the certificate request of a user whose proof was checked.
 *
 * @throws {EnclaveError} `credential` when Kubernetes does not sign in time
 */
export async function signCredential(kubernetes: Kubernetes, csrPem: string): Promise<Certificate> {
  const name = `daasvader-user-${randomBytes(8).toString('hex')}`;
  const created = await kubernetes.certificates.createCertificateSigningRequest({
    body: signingRequest(name, csrPem),
  });
  try {
    await answer(kubernetes, created, { verdict: 'approve', reason: 'the address was proven' });
    const pem = await waitForCertificate(kubernetes, name);
    return { pem, expiresAtMs: Date.parse(new X509Certificate(pem).validTo) };
  } finally {
    await kubernetes.certificates.deleteCertificateSigningRequest({ name });
  }
}

function signingRequest(name: string, csrPem: string): V1CertificateSigningRequest {
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name },
    spec: {
      request: Buffer.from(csrPem).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client',
      usages: ['digital signature', 'client auth'],
      expirationSeconds: LIFETIME_SECONDS,
    },
  };
}

async function waitForCertificate(kubernetes: Kubernetes, name: string): Promise<string> {
  for (const deadline = Date.now() + SIGNING_TIMEOUT_MS; Date.now() < deadline; await sleep(POLL_MS)) {
    const { status } = await kubernetes.certificates.readCertificateSigningRequest({ name });
    if (status?.certificate) return Buffer.from(status.certificate, 'base64').toString();
  }
  throw refuse(`Kubernetes did not sign in ${SIGNING_TIMEOUT_MS / 1_000} s; try again`);
}

function refuse(why: string): EnclaveError {
  return new EnclaveError('credential', `Cannot issue a credential: ${why}`);
}
