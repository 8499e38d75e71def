import { InvalidArgumentError } from 'commander';

/** A port to connect to, as the text that the contract wants. */
export function parsePort(text: string): string {
  if (/^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65_535) return text;
  throw new InvalidArgumentError('It is not a port, 1 to 65535.');
}

/** Whole seconds. */
export function parseSeconds(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is not a number of seconds.');
}

/** Milliseconds since 1970, or any other number of them. */
export function parseMs(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is not a number of milliseconds.');
}

/** A whole number. */
export function parseCount(text: string): bigint {
  if (/^\d{1,19}$/.test(text)) return BigInt(text);
  throw new InvalidArgumentError('It is not a whole number.');
}

/** 32 bytes, such as a SHA-256 or the id of a blob. */
export function parseDigest(text: string): Uint8Array {
  if (/^[0-9a-f]{64}$/.test(text)) return Buffer.from(text, 'hex');
  throw new InvalidArgumentError('It is not 64 lowercase hex digits.');
}

/** A Sui address in full: short forms are easily those of somebody else. */
export function parseAddress(text: string): string {
  if (/^0x[0-9a-f]{64}$/.test(text)) return text;
  throw new InvalidArgumentError('It is not an address: 0x and 64 lowercase hex digits.');
}

/** Adds the id of a request to those before it. */
export function collectRequestIds(text: string, ids: readonly bigint[] = []): bigint[] {
  if (/^\d{1,19}$/.test(text)) return [...ids, BigInt(text)];
  throw new InvalidArgumentError('It is not the number of a request.');
}

/** The URL of a full node. */
export function parseUrl(text: string): string {
  return urlOf(text, ['http:', 'https:']);
}

/** The URL of something that must prove who it is. */
export function parseHttpsUrl(text: string): string {
  return urlOf(text, ['https:']);
}

function urlOf(text: string, protocols: readonly string[]): string {
  if (protocols.includes(URL.parse(text)?.protocol ?? '')) return text;
  throw new InvalidArgumentError(`It is not a URL that begins with ${protocols.join('// or ')}//`);
}

const MIST_PER_SUI = 1_000_000_000n;

/**
 * An amount in SUI as people write it, read without floating point.
 *
 * @param text for example `2` or `0.5`, at most nine decimals
 * @returns MIST
 */
export function parseSui(text: string): bigint {
  const match = /^(\d{1,10})(?:\.(\d{1,9}))?$/.exec(text);
  if (!match) throw new InvalidArgumentError('Write SUI like 2 or 0.5.');
  return BigInt(match[1] as string) * MIST_PER_SUI + BigInt((match[2] ?? '').padEnd(9, '0'));
}

/** Adds a text to those before it, of an option that may be given again. */
export function collect(text: string, texts: readonly string[] = []): string[] {
  return [...texts, text];
}
