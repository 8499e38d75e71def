const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/**
 * The user that Kubernetes knows a Sui address by: `sui:` and the {@link addressLabel}, 56 characters, because 64 hex
 * digits and a prefix do not fit into the 64 of a certificate's common name (X.520, ub-common-name).
 *
 * @param address `0x` and 64 hex digits
 */
export function userOf(address: string): string {
  return `sui:${addressLabel(address)}`;
}

/**
 * The first namespace of a Sui address: `u-` and its {@link addressLabel}.
 *
 * @param address `0x` and 64 hex digits
 */
export function namespaceOf(address: string): string {
  return `u-${addressLabel(address)}`;
}

/**
 * The 32 bytes of a Sui address in base32 (RFC 4648, lower case, unpadded): 52 characters that fit into a DNS label.
 *
 * @param address `0x` and 64 hex digits
 */
export function addressLabel(address: string): string {
  if (!/^0x[0-9a-f]{64}$/.test(address)) throw new TypeError(`Not a full Sui address: ${address}`);
  return base32(Buffer.from(address.slice(2), 'hex'));
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
