import { createHash } from 'node:crypto';

/** What a user asks a credential for. */
export interface CredentialClaim {
  /** The Sui address, `0x` and 64 hex digits. */
  readonly address: string;
  /** PEM of a PKCS #10 request that the user made; the private key stays with the user. */
  readonly csr: string;
  /** Ms since 1970. */
  readonly timestampMs: number;
}

/** The personal message that proves an address and names the key that it is proven for. */
export function credentialMessage(
  clusterId: string,
  { address, csr, timestampMs }: CredentialClaim,
): Uint8Array {
  const digest = createHash('sha256').update(csr).digest('hex');
  const lines = [
    'daasvader kubeconfig',
    `cluster: ${clusterId}`,
    `address: ${address}`,
    `csr-sha256: ${digest}`,
    `timestamp: ${timestampMs}`,
  ];
  return new TextEncoder().encode(lines.join('\n'));
}
