/** What a user asks a credential for. */
export interface CredentialClaim {
  /** The Sui address, `0x` and 64 hex digits. */
  readonly address: string;
  /** The key that the credential is for: an uncompressed point of P-256, 130 hex digits in lower case. */
  readonly publicKey: string;
  /** Ms since 1970. */
  readonly timestampMs: number;
}

/** The personal message that proves an address and names the key that it is proven for. */
export function credentialMessage(
  clusterId: string,
  { address, publicKey, timestampMs }: CredentialClaim,
): Uint8Array {
  const lines = [
    'daasvader kubeconfig v2',
    `cluster: ${clusterId}`,
    `address: ${address}`,
    `public-key: ${publicKey}`,
    `timestamp: ${timestampMs}`,
  ];
  return new TextEncoder().encode(lines.join('\n'));
}
