import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import 'reflect-metadata'; // @peculiar/x509 needs it loaded first
import {
  type JsonGeneralNames,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
/** It lives as long as the process may; peers trust its key and not its dates. */
const LIFETIME_MS = 10 * 365 * 86_400_000;
const CLOCK_SKEW_MS = 300_000;

/** A TLS key with a certificate that vouches for itself; both in PEM. */
export interface SelfSigned {
  readonly key: string;
  readonly certificate: string;
  /** SHA-256 of the SubjectPublicKeyInfo. */
  readonly spkiSha256: Uint8Array;
}

/**
 * Makes a TLS key and a certificate for it.
 *
 * @param names DNS names and IP addresses by which the server is reached
 */
export async function generateSelfSigned(names: readonly string[]): Promise<SelfSigned> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const alternatives: JsonGeneralNames = names.map((value) => ({
    type: isIP(value) > 0 ? 'ip' : 'dns',
    value,
  }));
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=daasvader',
    keys,
    signingAlgorithm: ALGORITHM,
    notBefore: new Date(Date.now() - CLOCK_SKEW_MS),
    notAfter: new Date(Date.now() + LIFETIME_MS),
    extensions: [new SubjectAlternativeNameExtension(alternatives)],
  });
  const spki = await crypto.subtle.exportKey('spki', keys.publicKey);
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
  return {
    key: `-----BEGIN PRIVATE KEY-----\n${pkcs8.toString('base64')}\n-----END PRIVATE KEY-----\n`,
    certificate: certificate.toString('pem'),
    spkiSha256: createHash('sha256').update(Buffer.from(spki)).digest(),
  };
}
