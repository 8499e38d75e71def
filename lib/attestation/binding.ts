import { bcs } from '@mysten/bcs';
import { type Bytes, concatBytes, equalBytes, fromHex, sha256, toHex } from './bytes.ts';
import { AttestationError } from './error.ts';

const VERSION = 1;
const DOMAIN = new TextEncoder().encode('daasvader::binding::v1');

const LENGTHS = {
  tlsSpkiSha256: 32,
  caSha256: 32,
  hpkePublicKey: 32,
  committeeDigest: 32,
  bootId: 16,
} as const;

const Address = bcs.bytes(32).transform({
  input: (address: string) => readAddress(address),
  output: (bytes) => `0x${toHex(bytes)}`,
});

const ByteVector = bcs.byteVector().transform({
  input: (bytes: Uint8Array) => bytes,
  output: (bytes) => new Uint8Array(bytes),
});

const Layout = bcs.struct('Binding', {
  version: bcs.u8(),
  chainId: bcs.string(),
  packageId: Address,
  clusterId: Address,
  operator: Address,
  tlsSpkiSha256: ByteVector,
  caSha256: ByteVector,
  hpkePublicKey: ByteVector,
  committeeDigest: ByteVector,
  committeeEpoch: bcs.u64(),
  bootId: ByteVector,
});

/**
 * Everything a peer of the enclave relies on. Its hash is the `user_data` of the attestation document, so a
 * genuine document cannot stand before another key, another cluster or another configuration.
 *
 * The contract `enclave_registry` builds the same bytes in Move. Both sides assert one and the same vector:
 * the values and the hexadecimal in `binding.test.ts`.
 */
export interface Binding {
  /** Digest of the genesis checkpoint, base58, as full nodes report it. */
  chainId: string;
  /** Addresses as `0x` and 64 hexadecimal digits. */
  packageId: string;
  clusterId: string;
  /** The enclave's Sui address. */
  operator: string;
  /** SHA-256 of the SubjectPublicKeyInfo of the API's TLS key. */
  tlsSpkiSha256: Uint8Array;
  /** SHA-256 of the CA certificate that port 6443 chains to, as DER. */
  caSha256: Uint8Array;
  /** X25519. */
  hpkePublicKey: Uint8Array;
  /** SHA-256 of the BCS of the Sui committee that the enclave started from, and its epoch. */
  committeeDigest: Uint8Array;
  committeeEpoch: bigint;
  /** 16 random bytes, new at each start. */
  bootId: Uint8Array;
}

/**
 * BCS of a binding, with its version in front.
 *
 * @throws AttestationError `binding_field` when a field has another form or length
 */
export function encodeBinding(binding: Binding): Bytes {
  checkLengths(binding);
  return new Uint8Array(Layout.serialize({ version: VERSION, ...binding }).toBytes());
}

/**
 * Reads what `encodeBinding` wrote, and only that.
 *
 * @throws AttestationError `binding_malformed`, `binding_version` or `binding_field`
 */
export function decodeBinding(bytes: Uint8Array): Binding {
  if (bytes[0] !== VERSION)
    throw new AttestationError('binding_version', 'Cannot read binding: unknown version', {
      expected: String(VERSION),
      actual: String(bytes[0]),
    });
  const { version: _, ...fields } = parse(bytes);
  const binding = { ...fields, committeeEpoch: BigInt(fields.committeeEpoch) };
  // The parser ignores what follows the last field and accepts padded lengths; writing it again shows both.
  if (!equalBytes(encodeBinding(binding), bytes))
    throw new AttestationError('binding_malformed', 'Cannot read binding: not in canonical form');
  return binding;
}

/** The `user_data` that commits to a binding: SHA-256(domain ‖ BCS(binding)). */
export async function userData(binding: Binding): Promise<Bytes> {
  return sha256(concatBytes(DOMAIN, encodeBinding(binding)));
}

function parse(bytes: Uint8Array) {
  try {
    return Layout.parse(bytes);
  } catch (cause) {
    throw new AttestationError('binding_malformed', 'Cannot read binding: not its BCS', { cause });
  }
}

function checkLengths(binding: Binding): void {
  for (const [name, length] of Object.entries(LENGTHS)) {
    const actual = binding[name as keyof typeof LENGTHS].length;
    if (actual !== length)
      throw new AttestationError('binding_field', `Cannot use binding: ${name} has another length`, {
        expected: `${length} bytes`,
        actual: `${actual} bytes`,
      });
  }
}

function readAddress(address: string): Bytes {
  const bytes = /^0x[0-9a-f]{64}$/.test(address) ? fromHex(address) : undefined;
  if (bytes === undefined)
    throw new AttestationError(
      'binding_field',
      'Cannot use binding: an address is not 0x and 64 lowercase digits',
      {
        actual: JSON.stringify(address),
      },
    );
  return bytes;
}
