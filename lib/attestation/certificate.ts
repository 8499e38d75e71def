import type { Bytes } from './bytes.ts';
import { concatBytes, decodeUtf8, equalBytes, fromHex, toHex } from './bytes.ts';
import { DerReader, malformed, Tag } from './der.ts';
import { AttestationError } from './error.ts';
import { PUBLIC_KEY_BYTES, SIGNATURE_BYTES } from './es384.ts';
import { type Extensions, readExtensions } from './extensions.ts';

/** SEQUENCE { ecdsa-with-SHA384 }, without parameters (RFC 5758 §3.2). */
const ECDSA_WITH_SHA384 = fromHex('300a06082a8648ce3d040303')!;

/** What the value of a name may be (DirectoryString and IA5String, RFC 5280 §4.1.2.4). */
const STRING_TYPES = [Tag.utf8String, Tag.printableString, Tag.ia5String, Tag.teletexString] as const;

/** SEQUENCE { id-ecPublicKey, secp384r1 } (RFC 5480 §2.1.1). */
const P384_KEY = fromHex('301006072a8648ce3d020106052b81040022')!;

/** An X.509 certificate of the profile in use: version 3, P-384, ECDSA with SHA-384. */
export interface Certificate extends Extensions {
  raw: Bytes;
  /** The part that is signed. */
  signed: Bytes;
  /** r and s, 48 bytes each. */
  signature: Bytes;
  /** Names as DER: they are compared, never interpreted. */
  issuer: Bytes;
  subject: Bytes;
  /** Milliseconds since 1970; both ends belong to the validity. */
  notBefore: number;
  notAfter: number;
  /** Uncompressed point. */
  publicKey: Bytes;
}

/**
 * Reads a certificate, strictly: what is not in the profile is refused rather than skipped.
 *
 * @throws AttestationError `certificate_*`
 */
export function parseCertificate(der: Bytes): Certificate {
  const file = new DerReader(der);
  const outer = file.enter(Tag.sequence, 'Certificate');
  file.end('Certificate');
  const tbs = outer.element(Tag.sequence, 'TBSCertificate');
  readAlgorithm(outer, 'signatureAlgorithm');
  const signature = readSignature(outer.contents(Tag.bitString, 'signature'));
  outer.end('Certificate');
  return { raw: der, signed: tbs.raw, signature, ...readTbs(new DerReader(tbs.contents)) };
}

function readTbs(tbs: DerReader) {
  readVersion(tbs);
  tbs.integer('serialNumber');
  readAlgorithm(tbs, 'signature algorithm');
  const issuer = readName(tbs, 'issuer');
  const validity = tbs.enter(Tag.sequence, 'validity');
  const notBefore = readTime(validity, 'notBefore');
  const notAfter = readTime(validity, 'notAfter');
  validity.end('validity');
  const subject = readName(tbs, 'subject');
  const publicKey = readPublicKey(tbs.enter(Tag.sequence, 'subjectPublicKeyInfo'));
  const extensions = readExtensions(tbs.enter(Tag.context3, 'extensions'));
  tbs.end('TBSCertificate');
  return { issuer, notBefore, notAfter, subject, publicKey, ...extensions };
}

function readVersion(tbs: DerReader): void {
  const explicit = tbs.next === Tag.context0 ? tbs.enter(Tag.context0, 'version') : undefined;
  const version = explicit?.contents(Tag.integer, 'version');
  explicit?.end('version');
  if (version?.length !== 1 || version[0] !== 2)
    throw new AttestationError('certificate_version', 'Cannot read certificate: not of version 3');
}

/** Both places that name the algorithm must name the only one accepted, so they agree (RFC 5280 §4.1.1.2). */
function readAlgorithm(reader: DerReader, name: string): void {
  const actual = reader.element(Tag.sequence, name).raw;
  if (!equalBytes(actual, ECDSA_WITH_SHA384))
    throw new AttestationError(
      'certificate_algorithm',
      'Cannot accept certificate: not signed with ECDSA and SHA-384',
      {
        expected: toHex(ECDSA_WITH_SHA384),
        actual: toHex(actual),
      },
    );
}

/** A Name whose form is checked down to its values, which nobody interprets. */
function readName(tbs: DerReader, name: string): Bytes {
  const { contents, raw } = tbs.element(Tag.sequence, name);
  const parts = new DerReader(contents);
  while (parts.next !== undefined) {
    const part = parts.enter(Tag.set, name);
    do {
      const attribute = part.enter(Tag.sequence, name);
      attribute.oid(name);
      readString(attribute, name);
      attribute.end(name);
    } while (part.next !== undefined);
  }
  return raw;
}

function readString(attribute: DerReader, name: string): void {
  const tag = STRING_TYPES.find((type) => type === attribute.next) ?? Tag.utf8String;
  const value = attribute.contents(tag, name);
  if (tag === Tag.utf8String ? decodeUtf8(value) === undefined : value.some((byte) => byte >= 0x80))
    throw malformed(`${name} is not text of the kind it says`);
}

function readPublicKey(info: DerReader): Bytes {
  const algorithm = info.element(Tag.sequence, 'public key algorithm').raw;
  const bits = info.contents(Tag.bitString, 'public key');
  info.end('subjectPublicKeyInfo');
  const uncompressed = bits[0] === 0 && bits[1] === 4 && bits.length === 1 + PUBLIC_KEY_BYTES;
  if (!equalBytes(algorithm, P384_KEY) || !uncompressed)
    throw new AttestationError(
      'certificate_public_key',
      'Cannot accept certificate: not an uncompressed P-384 key',
    );
  return bits.subarray(1);
}

/** Turns the DER form of a signature into r and s at fixed width. */
function readSignature(bits: Bytes): Bytes {
  if (bits[0] !== 0) throw malformed('the signature has unused bits');
  const file = new DerReader(bits.subarray(1));
  const pair = file.enter(Tag.sequence, 'signature');
  file.end('signature');
  const half = SIGNATURE_BYTES / 2;
  const numbers = ['r', 's'].map((name) => pair.unsigned(name));
  pair.end('signature');
  if (numbers.some((number) => number.length > half)) throw malformed('r or s is longer than the curve');
  return concatBytes(...numbers.flatMap((number) => [new Uint8Array(half - number.length), number]));
}

/** UTCTime to 2049 and GeneralizedTime from 2050, whole seconds in UTC (RFC 5280 §4.1.2.5). */
function readTime(reader: DerReader, name: string): number {
  const isUtcTime = reader.next === Tag.utcTime;
  const text = String.fromCharCode(...reader.contents(isUtcTime ? Tag.utcTime : Tag.generalizedTime, name));
  const digits = isUtcTime ? (Number(text.slice(0, 2)) < 50 ? '20' : '19') + text : text;
  const iso = digits.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6.000Z');
  const time = Date.parse(iso);
  const isReal = iso !== digits && !Number.isNaN(time) && new Date(time).toISOString() === iso;
  if (!isReal || (!isUtcTime && iso < '2050'))
    throw new AttestationError('certificate_date', `Cannot read certificate: ${name} is not a date`, {
      actual: JSON.stringify(text),
    });
  return time;
}
