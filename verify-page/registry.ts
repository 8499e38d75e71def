import { toHex } from '@daasvader/attestation/bytes.ts';

/** An image that the chain admits; PCRs in hex, times in ms since 1970. */
export interface Measurement {
  version: string;
  pcrs: readonly string[];
  effectiveAtMs: bigint;
  /** From then on it is no longer admitted; null is never. */
  retireAtMs: bigint | null;
}

/** What of the shared `EnclaveRegistry` matters here. */
export interface Registry {
  measurements: readonly Measurement[];
  /** Id of the enclave that leads from its seat; null while none does. */
  seat: string | null;
}

/** What an enclave proved when it registered, by the names of a binding's fields; bytes in hex. */
export interface SeatedEnclave {
  registryId: string;
  operator: string;
  tlsSpkiSha256: string;
  caSha256: string;
  hpkePublicKey: string;
  bootId: string;
  committeeDigest: string;
  committeeEpoch: bigint;
}

/** Reads the BCS of `enclave_registry::EnclaveRegistry`, up to the lease. */
export function readRegistry(bytes: Uint8Array): Registry {
  const reader = new BcsReader(bytes);
  reader.address(); // id
  reader.u64(); // version
  reader.option(() => reader.take(4 * 32)); // ids of the other objects
  reader.u64(); // delay
  reader.u64(); // maximal age of a document
  reader.text(); // addresses of pods
  reader.text(); // addresses of Services
  const measurements = reader.list(() => readMeasurement(reader));
  skipParameters(reader);
  skipUpgrades(reader);
  return { measurements, seat: readOperator(reader) };
}

function readMeasurement(reader: BcsReader): Measurement {
  const version = reader.text();
  const pcrs = [reader.hex(), reader.hex(), reader.hex()];
  reader.hex(); // digest of the release
  reader.u64(); // format of the state that it reads
  const effectiveAtMs = reader.u64();
  const retireAtMs = reader.option(() => reader.u64());
  reader.take(1); // whether it was called compromised: retired it is either way
  return { version, pcrs, effectiveAtMs, retireAtMs };
}

function skipParameters(reader: BcsReader): void {
  skipTimelocked(reader, () => [reader.text(), reader.address(), reader.hex(), reader.u64()]); // configuration
  skipTimelocked(reader, () => [reader.text(), reader.text(), reader.hex()]); // domain and ACME
  const server = () => [reader.address(), reader.hex(), reader.text()];
  skipTimelocked(reader, () => [reader.take(1), reader.list(server)]); // key servers
  skipTimelocked(reader, () => reader.address()); // market
}

function skipUpgrades(reader: BcsReader): void {
  reader.take(32 + 32 + 8 + 1); // capability
  reader.take(32 + 32 + 8); // package
  reader.option(() => [reader.hex(), reader.u64()]); // proposal
  reader.hex(); // what is being carried out
}

/** Who leads counts only while it is in a seat: another enclave of the same host may have taken that. */
function readOperator(reader: BcsReader): string | null {
  const seats = reader.list(() => {
    const host = reader.address();
    reader.u64(); // when the appointment takes effect
    return { host, enclaveId: reader.option(() => reader.address()) };
  });
  reader.u64(); // epoch
  reader.u64(); // last seated
  reader.take(1); // whether a host was ever appointed
  reader.u64(); // term
  const leader = reader.option(() => ({ host: reader.address(), enclaveId: reader.address() }));
  const isSeated = seats.some(
    ({ host, enclaveId }) => host === leader?.host && enclaveId === leader.enclaveId,
  );
  return isSeated && leader !== null ? leader.enclaveId : null;
}

/** Reads the BCS of `enclave_registry::Enclave`, up to the committee. */
export function readEnclave(bytes: Uint8Array): SeatedEnclave {
  const reader = new BcsReader(bytes);
  reader.address(); // id
  const [registryId, operator] = [reader.address(), reader.address()];
  reader.text(); // version of its measurement
  for (let pcr = 0; pcr < 3; pcr++) reader.hex();
  return {
    registryId,
    operator,
    tlsSpkiSha256: reader.hex(),
    caSha256: reader.hex(),
    hpkePublicKey: reader.hex(),
    bootId: reader.hex(),
    committeeDigest: reader.hex(),
    committeeEpoch: reader.u64(),
  };
}

/** The chain's time, from the BCS of `clock::Clock`. */
export function readClock(bytes: Uint8Array): bigint {
  const reader = new BcsReader(bytes);
  reader.address(); // id
  return reader.u64();
}

function skipTimelocked(reader: BcsReader, value: () => unknown): void {
  reader.option(value); // current
  reader.option(value); // pending
  reader.u64(); // when that takes effect
  reader.take(1); // whether it was used
}

/** Reads values one after another; lengths here are below 2^14. */
class BcsReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(length: number): Uint8Array {
    const end = this.#offset + length;
    if (end > this.#bytes.length) throw new Error('The object on chain is not of the form it should be');
    const taken = this.#bytes.slice(this.#offset, end);
    this.#offset = end;
    return taken;
  }

  address(): string {
    return `0x${toHex(this.take(32))}`;
  }

  u64(): bigint {
    return new DataView(this.take(8).buffer as ArrayBuffer).getBigUint64(0, true);
  }

  hex(): string {
    return toHex(this.take(this.#length()));
  }

  text(): string {
    return new TextDecoder('utf-8', { fatal: true }).decode(this.take(this.#length()));
  }

  option<T>(read: () => T): T | null {
    return this.take(1)[0] === 0 ? null : read();
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: this.#length() }, read);
  }

  #length(): number {
    const low = this.take(1)[0]!;
    return low < 0x80 ? low : low - 0x80 + 0x80 * this.take(1)[0]!;
  }
}
