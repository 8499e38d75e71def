import { type Bytes, concatBytes, decodeUtf8, fromHex, sha256, toHex } from './bytes.ts';
import { parseCidr } from './cidr.ts';
import { AttestationError } from './error.ts';

/** Version of the layout; the domain names it too. */
export const BINDING_VERSION = 2;
const DOMAIN = new TextEncoder().encode('daasvader::binding::v2');

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
  /** Addresses of pods and of Services, such as `10.42.0.0/16`: the host's word, but the same to every peer. */
  clusterCidr: string;
  serviceCidr: string;
}

/** Takes the next `length` bytes. */
type Take = (length: number) => Bytes;

/** How BCS writes one kind of field. Everything here is shorter than 128 bytes, so that a length is one byte. */
interface Codec<T> {
  write(value: T, name: string): Bytes;
  read(take: Take): T;
}

/** Fields in the order in which they are written. */
const FIELDS: { [Name in keyof Binding]: Codec<Binding[Name]> } = {
  chainId: { write: writeText, read: readText },
  packageId: { write: writeAddress, read: readAddress },
  clusterId: { write: writeAddress, read: readAddress },
  operator: { write: writeAddress, read: readAddress },
  tlsSpkiSha256: vector(32),
  caSha256: vector(32),
  hpkePublicKey: vector(32),
  committeeDigest: vector(32),
  committeeEpoch: { write: writeU64, read: readU64 },
  bootId: vector(16),
  clusterCidr: { write: writeCidr, read: readCidr },
  serviceCidr: { write: writeCidr, read: readCidr },
};

/**
 * BCS of a binding, with its version in front.
 *
 * @throws AttestationError `binding_field` when a field has another form or length
 */
export function encodeBinding(binding: Binding): Bytes {
  const fields = names().map((name) => (FIELDS[name] as Codec<unknown>).write(binding[name], name));
  return concatBytes(Uint8Array.of(BINDING_VERSION), ...fields);
}

/**
 * Reads what `encodeBinding` wrote, and only that.
 *
 * @throws AttestationError `binding_malformed` or `binding_version`
 */
export function decodeBinding(bytes: Uint8Array): Binding {
  if (bytes[0] !== BINDING_VERSION)
    throw new AttestationError('binding_version', 'Cannot read binding: unknown version', {
      expected: String(BINDING_VERSION),
      actual: String(bytes[0]),
    });
  let offset = 1;
  const take: Take = (length) => {
    offset += length;
    if (offset > bytes.length) throw malformed('it ends early');
    return new Uint8Array(bytes.subarray(offset - length, offset));
  };
  const fields = names().map((name) => [name, FIELDS[name].read(take)]);
  if (offset < bytes.length) throw malformed('something follows its last field');
  return Object.fromEntries(fields) as Binding;
}

/** The `user_data` that commits to a binding: SHA-256(domain ‖ BCS(binding)). */
export async function userData(binding: Binding): Promise<Bytes> {
  return sha256(concatBytes(DOMAIN, encodeBinding(binding)));
}

function names(): (keyof Binding)[] {
  return Object.keys(FIELDS) as (keyof Binding)[];
}

function writeText(text: string, name: string): Bytes {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length >= 0x80 || decodeUtf8(bytes) !== text) throw unusable(name, 'text below 128 bytes', text);
  return concatBytes(Uint8Array.of(bytes.length), bytes);
}

function readText(take: Take): string {
  const length = take(1)[0]!;
  if (length >= 0x80) throw malformed('a text is too long, or its length is padded');
  const text = decodeUtf8(take(length));
  if (text === undefined) throw malformed('a text is not UTF-8');
  return text;
}

function writeCidr(text: string, name: string): Bytes {
  if (parseCidr(text) === undefined) throw unusable(name, 'a network such as 10.42.0.0/16', text);
  return writeText(text, name);
}

function readCidr(take: Take): string {
  const text = readText(take);
  if (parseCidr(text) === undefined) throw malformed('a range of addresses is no network');
  return text;
}

function writeAddress(address: string, name: string): Bytes {
  const bytes = /^0x[0-9a-f]{64}$/.test(address) ? fromHex(address) : undefined;
  if (bytes === undefined) throw unusable(name, '0x and 64 lowercase digits', address);
  return bytes;
}

function readAddress(take: Take): string {
  return `0x${toHex(take(32))}`;
}

function vector(length: number): Codec<Uint8Array> {
  return {
    write(bytes, name) {
      if (bytes.length !== length) throw unusable(name, `${length} bytes`, `${bytes.length} bytes`);
      return concatBytes(Uint8Array.of(length), bytes);
    },
    read(take) {
      if (take(1)[0] !== length) throw malformed(`a field of ${length} bytes has another length`);
      return take(length);
    },
  };
}

function writeU64(value: bigint, name: string): Bytes {
  if (BigInt.asUintN(64, value) !== value) throw unusable(name, 'an unsigned number of 64 bits', `${value}`);
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}

function readU64(take: Take): bigint {
  return new DataView(take(8).buffer).getBigUint64(0, true);
}

function unusable(name: string, expected: string, actual: string): AttestationError {
  const message = `Cannot use binding: ${name} has another form`;
  return new AttestationError('binding_field', message, { expected, actual });
}

function malformed(state: string): AttestationError {
  return new AttestationError('binding_malformed', `Cannot read binding: ${state}`);
}
