import { createHash, randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { generateSealKey } from '@daasvader/seal/seal.ts';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import type { TlsCredentials } from '../api/server.ts';
import 'reflect-metadata'; // @peculiar/x509 needs it loaded first
import {
  type JsonGeneralNames,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
/** The certificate lives as long as the process may; peers trust its key through attestation, not its dates. */
const LIFETIME_MS = 10 * 365 * 86_400_000;
const CLOCK_SKEW_MS = 300_000;

/** The key and certificate of the API, and what the attestation document says about them. */
export interface TlsIdentity extends TlsCredentials {
  /** SHA-256 of the SubjectPublicKeyInfo. */
  readonly spkiSha256: Uint8Array;
}

/** Everything secret that this boot made. It exists in memory only: a restart is a new operator. */
export interface Keys {
  readonly operator: Ed25519Keypair;
  readonly tls: TlsIdentity;
  readonly hpke: Awaited<ReturnType<typeof generateSealKey>>;
  /** Names this boot; 16 random bytes. */
  readonly bootId: Uint8Array;
}

/**
 * Makes the keys of this boot.
 *
 * @param names DNS names and IP addresses by which the API is reached
 */
export async function generateKeys(names: readonly string[]): Promise<Keys> {
  return {
    operator: new Ed25519Keypair(),
    tls: await generateTls(names),
    hpke: await generateSealKey(),
    bootId: randomBytes(16),
  };
}

async function generateTls(names: readonly string[]): Promise<TlsIdentity> {
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
