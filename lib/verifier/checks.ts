import { X509Certificate } from 'node:crypto';
import type { Binding } from '@daasvader/attestation/binding.ts';
import { userData } from '@daasvader/attestation/binding.ts';
import { rangesProblem } from '@daasvader/attestation/cidr.ts';
import { AttestationError } from '@daasvader/attestation/error.ts';
import { UNCHECKED } from '@daasvader/attestation/policy.ts';
import { type VerifiedDocument, verifyAttestation } from '@daasvader/attestation/verify.ts';
import { type Cluster, measurementsInEffect, type RegisteredEnclave } from './cluster.ts';
import { VerifierError } from './error.ts';

/** What is checked of a control plane before a node trusts it, in this order. */
export type CheckName =
  | 'document'
  | 'nonce'
  | 'binding'
  | 'tls-key'
  | 'measurement'
  | 'configuration'
  | 'seat'
  | 'ca';

/** What the control plane showed. */
export interface Evidence {
  /** The attestation document as the NSM signed it. */
  document: Uint8Array;
  binding: Binding;
  /** The challenge that we sent. */
  nonce: Uint8Array;
  /** SHA-256, in hex, of the TLS key at the other end of the connection that brought the document. */
  tlsKey: string;
}

/** One check that passed, for a person to read. */
export interface CheckPassed {
  check: CheckName;
  /** What was compared with what. */
  compared: string;
}

/** A check that failed. Its code is `check`; `check` says which one. */
export class CheckError extends VerifierError {
  readonly check: CheckName;

  constructor(check: CheckName, message: string, expected: string, actual: string, options?: ErrorOptions) {
    super('check', message, { ...options, expected, actual });
    this.name = 'CheckError';
    this.check = check;
  }

  /** Whether our own clock, if it is wrong, explains the failure: then it says no more than silence would. */
  get mayBeClock(): boolean {
    return this.cause instanceof AttestationError && this.cause.mayBeClock;
  }
}

/** How a run of checks is told apart from another one. */
export interface CheckOptions {
  cluster: Cluster;
  /** PEM of the root to trust instead of AWS's. */
  root: string | undefined;
  /** Our own clock, ms since 1970: by it the document must be fresh. */
  now: number;
  /** Called for each check that passed, as it passes. */
  report: (passed: CheckPassed) => void;
}

/**
 * Decides whether the control plane that showed this evidence is the cluster's: genuine hardware, an image
 * that the chain admits, the enclave in the seat, and the very one that this connection ends in.
 * @throws CheckError of the first check that fails
 */
export async function checkControlPlane(evidence: Evidence, options: CheckOptions): Promise<void> {
  const { cluster, report } = options;
  const { binding } = evidence;
  const document = await checkDocument(evidence, options);
  report({
    check: 'binding',
    compared: 'user_data is the hash of the binding, so keys, CA and configuration are attested',
  });
  same('tls-key', "the connection's TLS key", hex(binding.tlsSpkiSha256), evidence.tlsKey);
  report({
    check: 'tls-key',
    compared: `the connection's own TLS key ${short(evidence.tlsKey)} is the bound one`,
  });
  report({ check: 'measurement', compared: checkMeasurement(document, cluster) });
  checkConfiguration(binding, cluster);
  report({
    check: 'configuration',
    compared: `chain ${cluster.chainId}, package ${short(cluster.packageId)} and cluster ${short(cluster.clusterId)} are ours, pods at ${binding.clusterCidr}, Services at ${binding.serviceCidr}`,
  });
  const seat = checkSeat(binding, cluster.seat);
  report({
    check: 'seat',
    compared: `operator ${short(seat.operator)} is the enclave ${short(seat.id)} in the seat`,
  });
}

/**
 * Compares the CA certificate that the control plane hands out with the bound one.
 * @param pem what was handed out; only its first certificate is looked at
 * @returns that one certificate as PEM, to be used instead of what was handed out
 * @throws CheckError `ca`; VerifierError `malformed`
 */
export function checkCa(
  pem: string,
  binding: Pick<Binding, 'caSha256'>,
  report: (passed: CheckPassed) => void,
): string {
  const certificate = readCa(pem);
  const actual = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
  same('ca', 'the CA certificate', hex(binding.caSha256), actual);
  report({ check: 'ca', compared: `the CA certificate handed out, ${short(actual)}, is the bound one` });
  return certificate.toString();
}

function readCa(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new VerifierError('malformed', `Cannot read the CA certificate: ${reason}`, { cause });
  }
}

async function checkDocument(
  evidence: Evidence,
  { root, now, report }: CheckOptions,
): Promise<VerifiedDocument> {
  const policy = {
    pcrs: UNCHECKED,
    publicKey: UNCHECKED,
    nonce: evidence.nonce,
    ...(root === undefined ? {} : { root }),
  } as const;
  try {
    const expected = await userData(evidence.binding);
    const verified = await verifyAttestation(evidence.document, now, { ...policy, userData: expected });
    const trusted = verified.root.aws
      ? "AWS's root"
      : `the given root ${short(verified.root.sha256)}, which is NOT AWS's`;
    const age = ((now - verified.timestamp) / 1000).toFixed(1);
    report({ check: 'document', compared: `signed under ${trusted}, ${age} s old, not in debug mode` });
    report({ check: 'nonce', compared: `answers our nonce ${short(hex(evidence.nonce))}` });
    return verified;
  } catch (cause) {
    if (!(cause instanceof AttestationError)) throw cause;
    throw new CheckError(
      checkOf(cause),
      `${cause.message} [${cause.code}]`,
      cause.expected ?? 'a document that verifies',
      cause.actual ?? cause.code,
      { cause },
    );
  }
}

function checkOf({ code }: AttestationError): CheckName {
  if (code.startsWith('nonce_')) return 'nonce';
  if (code.startsWith('user_data_') || code.startsWith('binding_')) return 'binding';
  return code === 'debug_mode' || code.startsWith('pcr_') ? 'measurement' : 'document';
}

function checkMeasurement(document: VerifiedDocument, cluster: Cluster): string {
  const measured = [0, 1, 2].map((index) => hex(document.pcrs.get(index) ?? new Uint8Array()));
  const admitted = measurementsInEffect(cluster);
  const match = admitted.find(({ pcrs }) => pcrs.every((pcr, index) => pcr === measured[index]));
  if (match !== undefined) return `PCR 0, 1 and 2 are those of version ${match.version}, in effect on chain`;
  const expected = admitted
    .map(({ version, pcrs }) => `${version} with PCRs ${pcrs.join(' ')}`)
    .join(', or ');
  throw new CheckError(
    'measurement',
    'Cannot trust the control plane: its image is not one that is in effect on chain',
    expected || 'any measurement in effect, and there is none',
    `PCRs ${measured.join(' ')}`,
  );
}

function checkConfiguration(binding: Binding, cluster: Cluster): void {
  same('configuration', 'the chain id', cluster.chainId, binding.chainId);
  same('configuration', 'the package id', cluster.packageId, binding.packageId);
  same('configuration', 'the cluster id', cluster.clusterId, binding.clusterId);
  const problem = rangesProblem(binding.clusterCidr, binding.serviceCidr);
  if (problem !== undefined)
    throw new CheckError(
      'configuration',
      `Cannot trust the control plane: ${problem}`,
      'two private networks that share no address',
      `${binding.clusterCidr} and ${binding.serviceCidr}`,
    );
}

function checkSeat(binding: Binding, seat: RegisteredEnclave | undefined): RegisteredEnclave {
  if (seat === undefined)
    throw new CheckError(
      'seat',
      'Cannot trust the control plane: nobody is in the seat',
      binding.operator,
      'an empty seat',
    );
  same('seat', 'the operator', seat.operator, binding.operator);
  same('seat', "the seated enclave's boot id", seat.bootId, hex(binding.bootId));
  same('seat', "the seated enclave's TLS key", seat.tlsSpkiSha256, hex(binding.tlsSpkiSha256));
  same('seat', "the seated enclave's CA", seat.caSha256, hex(binding.caSha256));
  same('seat', "the seated enclave's HPKE key", seat.hpkePublicKey, hex(binding.hpkePublicKey));
  same('seat', "the seated enclave's committee", seat.committeeDigest, hex(binding.committeeDigest));
  same('seat', "the seated enclave's committee epoch", `${seat.committeeEpoch}`, `${binding.committeeEpoch}`);
  return seat;
}

function same(check: CheckName, what: string, expected: string, actual: string): void {
  if (expected !== actual)
    throw new CheckError(check, `Cannot trust the control plane: ${what} differs`, expected, actual);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function short(id: string): string {
  return id.length > 16 ? `${id.slice(0, 12)}…` : id;
}
