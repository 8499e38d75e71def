import { type Bytes, concatBytes } from '../bytes.ts';
import { Tag } from '../der.ts';
import { KeyUsage } from '../extensions.ts';
import * as der from './der.ts';

const P384 = { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' } as const;
const ECDSA_WITH_SHA384 = der.sequence(der.oid('2a8648ce3d040303'));

/** A certificate with its private key. */
export interface Identity {
  name: string;
  certificate: Bytes;
  privateKey: CryptoKey;
}

/** What a certificate shall say; what is left out is as in a genuine chain. */
export interface CertificateOptions {
  name: string;
  /** ms since 1970; certificates keep whole seconds. */
  notBefore: number;
  notAfter: number;
  /** The encoded extensions, all of them. */
  extensions: Uint8Array[];
  /** Parts of the TBSCertificate to replace, encoded, for certificates that no authority would issue. */
  version?: Uint8Array;
  serialNumber?: Uint8Array;
  signatureAlgorithm?: Uint8Array;
  issuerName?: string;
  validity?: Uint8Array;
  subjectName?: Uint8Array;
  publicKeyInfo?: Uint8Array;
  trailing?: Uint8Array;
  /** Changes what stands around the TBSCertificate and is not signed. */
  outerAlgorithm?: Uint8Array;
  signatureValue?: (rAndS: Bytes) => Uint8Array;
}

/** Extensions of an authority that may have `pathLength` authorities below it. */
export function authorityExtensions(pathLength?: number): Bytes[] {
  return [
    der.basicConstraints(true, pathLength),
    der.keyUsage(KeyUsage.keyCertSign | KeyUsage.digitalSignature),
  ];
}

/** Extensions of a certificate that signs documents. */
export function leafExtensions(): Bytes[] {
  return [der.basicConstraints(false), der.keyUsage(KeyUsage.digitalSignature)];
}

/**
 * Issues a certificate with a new P-384 key.
 *
 * @param issuer who signs; undefined makes a self-signed root
 */
export async function issueCertificate(
  issuer: Identity | undefined,
  options: CertificateOptions,
): Promise<Identity> {
  const keys = await crypto.subtle.generateKey(P384, true, ['sign', 'verify']);
  const publicKeyInfo = new Uint8Array(await crypto.subtle.exportKey('spki', keys.publicKey));
  const algorithm = options.signatureAlgorithm ?? ECDSA_WITH_SHA384;
  const tbs = der.sequence(
    options.version ?? der.element(Tag.context0, der.integer(Uint8Array.of(2))),
    options.serialNumber ?? der.integer(crypto.getRandomValues(new Uint8Array(16))),
    algorithm,
    der.commonName(options.issuerName ?? issuer?.name ?? options.name),
    options.validity ?? der.sequence(der.time(options.notBefore), der.time(options.notAfter)),
    options.subjectName ?? der.commonName(options.name),
    options.publicKeyInfo ?? publicKeyInfo,
    der.element(Tag.context3, der.sequence(...options.extensions)),
    options.trailing ?? new Uint8Array(),
  );
  const signature = await signEs384(issuer?.privateKey ?? keys.privateKey, tbs);
  const signatureValue = options.signatureValue?.(signature) ?? der.bitString(derSignature(signature));
  const certificate = der.sequence(tbs, options.outerAlgorithm ?? algorithm, signatureValue);
  return { name: options.name, certificate, privateKey: keys.privateKey };
}

/** A root of one's own, valid from an hour before `now` for 30 years. */
export function issueRoot(name: string, now: number): Promise<Identity> {
  const [notBefore, notAfter] = [now - HOUR, now + 30 * 365 * DAY];
  return issueCertificate(undefined, { name, notBefore, notAfter, extensions: authorityExtensions() });
}

/** The issuers of a document, the root first, and the leaf that signs it. */
export interface Chain {
  issuers: Identity[];
  leaf: Identity;
  /** When the leaf ends, ms since 1970. */
  notAfter: number;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Certificates below a genuine root, with their life times. */
const LEVELS = [
  { name: 'regional', lifeMs: 20 * DAY, extensions: authorityExtensions(2) },
  { name: 'zonal', lifeMs: 6 * DAY, extensions: authorityExtensions(1) },
  { name: 'instance', lifeMs: DAY, extensions: authorityExtensions(0) },
  { name: 'enclave', lifeMs: 3 * HOUR, extensions: leafExtensions() },
];

/**
 * Issues the certificates from a root down to a leaf: those of a genuine document, unless a level is changed.
 *
 * @param changes by name of the level: regional, zonal, instance, enclave
 */
export async function issueChain(
  root: Identity,
  now: number,
  changes: Record<string, Partial<CertificateOptions>> = {},
): Promise<Chain> {
  const path = [root];
  for (const { name, lifeMs, extensions } of LEVELS) {
    const usual = { name: `${name}.${root.name}`, notBefore: now - 1000, notAfter: now + lifeMs, extensions };
    path.push(await issueCertificate(path.at(-1), { ...usual, ...changes[name] }));
  }
  return { issuers: path.slice(0, -1), leaf: path.at(-1)!, notAfter: now + 3 * HOUR };
}

/** ES384: r and s, 48 bytes each. */
export async function signEs384(privateKey: CryptoKey, data: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.sign(P384, privateKey, data));
}

function derSignature(signature: Bytes): Bytes {
  return concatBytes(
    der.sequence(der.integer(signature.subarray(0, 48)), der.integer(signature.subarray(48))),
  );
}
