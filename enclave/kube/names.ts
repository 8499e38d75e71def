/** Roles in the order of the staking contract: the number on chain is the index here. */
export const ROLES = ['none', 'viewer', 'developer', 'admin', 'super'] as const;
export type Role = (typeof ROLES)[number];

/** Prefix of every label and annotation that the enclave sets; nobody else may. */
export const OWN_PREFIX = 'daasvader.io/';

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/**
 * The namespace of a Sui address: `u-` and the 32 bytes in base32 (RFC 4648, lower case, unpadded), because 64 hex
 * digits do not fit into the 63 characters of a label.
 *
 * @param address `0x` and 64 hex digits
 */
export function namespaceOf(address: string): string {
  const bytes = Buffer.from(address.slice(2), 'hex');
  if (!/^0x[0-9a-f]{64}$/.test(address)) throw new TypeError(`Not a full Sui address: ${address}`);
  return `u-${base32(bytes)}`;
}

/** The user name that Kubernetes knows a Sui address by. */
export function userOf(address: string): string {
  return `sui:${address}`;
}

/** The name of a role's number on chain; an unknown number has no rights. */
export function roleName(role: number): Role {
  return ROLES[role] ?? 'none';
}

function base32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += BASE32[(value >>> (bits - 5)) & 31];
    value &= (1 << bits) - 1;
  }
  return bits > 0 ? text + BASE32[(value << (5 - bits)) & 31] : text;
}
