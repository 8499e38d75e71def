/** The table of addresses in Move bytecode; a table header is {kind: u8, offset: uleb, count: uleb}. */
const ADDRESS_IDENTIFIERS = 0x8;
const ADDRESS_LENGTH = 32;
/** Magic and version come first. */
const HEADER_LENGTH = 8;

/**
 * Compiled modules call themselves 0x0; publishing puts the package's id there.
 *
 * @throws {RangeError} when the bytes end early
 */
export function withPackageAddress(module: Uint8Array, address: Uint8Array): Uint8Array {
  const { start, length } = addressTable(module);
  const patched = Uint8Array.from(module);
  for (let at = start; at < start + length; at += ADDRESS_LENGTH) {
    if (patched.subarray(at, at + ADDRESS_LENGTH).every((byte) => byte === 0)) patched.set(address, at);
  }
  return patched;
}

function addressTable(module: Uint8Array): { start: number; length: number } {
  const cursor = { at: HEADER_LENGTH };
  const tables = Array.from({ length: readUleb(module, cursor) }, () => {
    const kind = module[cursor.at++];
    return { kind, offset: readUleb(module, cursor), length: readUleb(module, cursor) };
  });
  const table = tables.find(({ kind }) => kind === ADDRESS_IDENTIFIERS);
  const end = table === undefined ? 0 : cursor.at + table.offset + table.length;
  if (table === undefined || end > module.length)
    throw new RangeError('Cannot read module: no address table');
  return { start: cursor.at + table.offset, length: table.length };
}

function readUleb(bytes: Uint8Array, cursor: { at: number }): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = bytes[cursor.at++];
    if (byte === undefined) throw new RangeError('Cannot read module: it ends early');
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return value;
  }
  throw new RangeError('Cannot read module: number too long');
}
