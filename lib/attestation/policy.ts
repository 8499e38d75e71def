import { AWS_NITRO_ROOT_PEM } from './aws-root.ts';
import { type Bytes, fromHex } from './bytes.ts';
import { type Certificate, parseCertificate } from './certificate.ts';
import { PCR_BYTES, PCR_COUNT } from './document.ts';
import { AttestationError } from './error.ts';
import { decodePem } from './pem.ts';

/** Bytes, or hexadecimal with or without `0x`. */
export type BytesLike = Uint8Array | string;

/**
 * How a caller says that it does not check, which the answer repeats. A symbol, because no value that comes from
 * elsewhere, such as a client's string or parsed JSON, can be one.
 */
export const UNCHECKED: unique symbol = Symbol('unchecked');

/**
 * What a verifier demands of a document. Every expectation must be stated: one that is left out (a variable
 * that happened to be undefined, a list that came back empty) is an error, never a match.
 */
export interface Policy {
  /** Expected PCRs by index, at least one; 48 bytes each. */
  pcrs: Readonly<Record<number, BytesLike>> | typeof UNCHECKED;
  /** The challenge that this document must answer. */
  nonce: BytesLike | typeof UNCHECKED;
  userData: BytesLike | typeof UNCHECKED;
  publicKey: BytesLike | typeof UNCHECKED;
  /** Trusted root as DER or PEM; AWS's when left out. */
  root?: Uint8Array | string;
  /** How old the document may be, in ms. A leaf certificate lives 3 hours, so its validity is not freshness. */
  maxAgeMs?: number;
  /** How far the verifier's clock may be behind the NSM's and its issuers', in ms. `maxAgeMs` is for one that is ahead. */
  maxSkewMs?: number;
  /** Accept an enclave whose console and memory its host can read. */
  allowDebug?: boolean;
}

/** Spread into a policy, it states that only chain, signature, freshness and debug mode are checked. */
export const ANY = {
  pcrs: UNCHECKED,
  nonce: UNCHECKED,
  userData: UNCHECKED,
  publicKey: UNCHECKED,
} as const;

/** Same as the registry contract's limit. */
export const DEFAULT_MAX_AGE_MS = 300_000;
export const DEFAULT_MAX_SKEW_MS = 60_000;

/** Registers that the hypervisor zeroes in debug mode; the others it leaves as they are. */
export const DEBUG_PCRS = [0, 1, 2] as const;

/** A policy that was checked, with its values as bytes. */
export interface Rules {
  root: Certificate;
  pcrs: ReadonlyMap<number, Bytes> | typeof UNCHECKED;
  nonce: Bytes | typeof UNCHECKED;
  userData: Bytes | typeof UNCHECKED;
  publicKey: Bytes | typeof UNCHECKED;
  maxAgeMs: number;
  maxSkewMs: number;
  allowDebug: boolean;
}

const AWS_ROOT = readRoot(AWS_NITRO_ROOT_PEM);

/**
 * Checks a policy before any document is looked at.
 *
 * @throws AttestationError `policy_*`
 */
export function readPolicy(policy: Policy): Rules {
  const allowDebug = policy.allowDebug === true;
  return {
    root: policy.root === undefined ? AWS_ROOT : readRoot(policy.root),
    pcrs: readPcrs(policy.pcrs, allowDebug),
    nonce: readExpectation(policy.nonce, 'nonce'),
    userData: readExpectation(policy.userData, 'userData'),
    publicKey: readExpectation(policy.publicKey, 'publicKey'),
    maxAgeMs: readDuration(policy.maxAgeMs ?? DEFAULT_MAX_AGE_MS, 'maxAgeMs'),
    maxSkewMs: readDuration(policy.maxSkewMs ?? DEFAULT_MAX_SKEW_MS, 'maxSkewMs'),
    allowDebug,
  };
}

/** Whether a register is what debug mode leaves of PCR 0 to 2. */
export function isZero(pcr: Uint8Array): boolean {
  return pcr.every((byte) => byte === 0);
}

function readRoot(root: Uint8Array | string): Certificate {
  const der = typeof root === 'string' ? decodePem(root) : new Uint8Array(root);
  if (der === undefined)
    throw new AttestationError('policy_root_invalid', 'Cannot use trusted root: not one PEM certificate');
  try {
    return parseCertificate(der);
  } catch (cause) {
    throw new AttestationError(
      'policy_root_invalid',
      `Cannot use trusted root: ${(cause as Error).message}`,
      { cause },
    );
  }
}

function readPcrs(pcrs: Policy['pcrs'], allowDebug: boolean): Rules['pcrs'] {
  if (pcrs === UNCHECKED) return UNCHECKED;
  const entries = typeof pcrs === 'object' && pcrs !== null ? Object.entries(pcrs) : [];
  if (entries.length === 0)
    throw new AttestationError(
      'policy_pcrs_missing',
      'Cannot verify: no PCR is expected; give some, or UNCHECKED',
    );
  return new Map(entries.map(([index, value]) => readPcr(index, value, allowDebug)));
}

function readPcr(key: string, value: BytesLike, allowDebug: boolean): [number, Bytes] {
  const pcr = toBytes(value);
  const index = Number(key);
  // In one spelling only: of two keys that mean one index ('0' and '00'), one would go unchecked.
  const isIndex = Number.isInteger(index) && String(index) === key && index >= 0 && index < PCR_COUNT;
  if (!isIndex || pcr?.length !== PCR_BYTES)
    throw new AttestationError(
      'policy_pcr_invalid',
      `Cannot verify: the expected PCR ${JSON.stringify(key)} is not a register`,
      {
        expected: `${PCR_BYTES} bytes at an index from 0 to ${PCR_COUNT - 1}`,
        actual: pcr === undefined ? 'not bytes' : `${pcr.length} bytes`,
      },
    );
  if (!allowDebug && DEBUG_PCRS.some((debug) => debug === index) && isZero(pcr))
    throw new AttestationError(
      'policy_pcr_zero',
      `Cannot verify: expecting zero for PCR ${index} means debug mode`,
    );
  return [index, pcr];
}

function readExpectation(value: BytesLike | typeof UNCHECKED, name: string): Bytes | typeof UNCHECKED {
  if (value === UNCHECKED) return value;
  if (value === undefined || value === null)
    throw new AttestationError(
      'policy_expectation_missing',
      `Cannot verify: no ${name} is expected; give it, or UNCHECKED`,
    );
  const bytes = toBytes(value);
  if (bytes === undefined)
    throw new AttestationError(
      'policy_expectation_invalid',
      `Cannot verify: the expected ${name} is not hexadecimal`,
    );
  return bytes;
}

function readDuration(value: number, name: string): number {
  if (typeof value !== 'number' || !(value >= 0))
    throw new AttestationError(
      'policy_time_invalid',
      `Cannot verify: ${name} is not a number of milliseconds`,
    );
  return value;
}

function toBytes(value: BytesLike): Bytes | undefined {
  if (typeof value === 'string') return fromHex(value);
  return value instanceof Uint8Array ? new Uint8Array(value) : undefined;
}
