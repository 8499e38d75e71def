import { randomBytes } from 'node:crypto';
import { generateSelfSigned, type SelfSigned } from '@daasvader/program/self-signed.ts';
import { generateSealKey } from '@daasvader/seal/seal.ts';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';

/** The key and certificate of the API, and what the attestation document says about them. */
export type TlsIdentity = SelfSigned;

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
    tls: await generateSelfSigned(names),
    hpke: await generateSealKey(),
    bootId: randomBytes(16),
  };
}
