import { Aes256Gcm, CipherSuite, HkdfSha256 } from '@hpke/core';
import { DhkemX25519HkdfSha256 } from '@hpke/dhkem-x25519';
import { x25519 } from '@noble/curves/ed25519.js';
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { SealError } from './error.ts';

/** HPKE (RFC 9180) in base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. */
const suite = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Aes256Gcm(),
});

const ENCAPSULATED_BYTES = 32;
const TAG_BYTES = 16;

/** A key pair for receiving sealed messages. */
export interface SealKey {
  /** 64 lowercase hexadecimal digits: what a worker registers as its seal token. */
  publicKey: string;
  /** 32 bytes. Whoever has them reads every message sealed to `publicKey`. */
  privateKey: Uint8Array;
}

/** Makes a new X25519 key pair. */
export function generateSealKey(): SealKey {
  const { publicKey, secretKey } = x25519.keygen();
  return { publicKey: bytesToHex(publicKey), privateKey: secretKey };
}

/**
 * Public key of a private key, as when a worker loads its key from a file.
 *
 * @throws SealError `seal_private_key`
 */
export function sealPublicKey(privateKey: Uint8Array): string {
  checkPrivateKey(privateKey);
  return bytesToHex(x25519.getPublicKey(privateKey));
}

/**
 * Encrypts `plaintext` to the holder of a public key. The sender is not authenticated: that the message
 * comes from the enclave must be known otherwise, by the connection's attested TLS key.
 *
 * @param publicKey 64 hexadecimal digits
 * @param info the purpose of the message; another purpose does not open it
 * @param aad what the message is about; another subject does not open it
 * @returns encapsulated key (32 bytes), then ciphertext and tag
 * @throws SealError `seal_public_key`
 */
export async function seal(
  publicKey: string,
  info: string,
  aad: string,
  plaintext: Uint8Array,
): Promise<Uint8Array> {
  const sender = await senderContext(publicKey, info);
  const ciphertext = await sender.seal(plaintext, utf8ToBytes(aad));
  return concatBytes(new Uint8Array(sender.enc), new Uint8Array(ciphertext));
}

/**
 * Decrypts what `seal` made for the same purpose and subject.
 *
 * @throws SealError `seal_private_key`, `sealed_too_short` or `seal_open`
 */
export async function open(
  privateKey: Uint8Array,
  info: string,
  aad: string,
  sealed: Uint8Array,
): Promise<Uint8Array> {
  checkPrivateKey(privateKey);
  if (sealed.length < ENCAPSULATED_BYTES + TAG_BYTES)
    throw new SealError('sealed_too_short', `Cannot open sealed message: it has only ${sealed.length} bytes`);
  try {
    const recipientKey = await suite.kem.deserializePrivateKey(privateKey);
    const enc = sealed.subarray(0, ENCAPSULATED_BYTES);
    const recipient = await suite.createRecipientContext({ recipientKey, enc, info: utf8ToBytes(info) });
    return new Uint8Array(await recipient.open(sealed.subarray(ENCAPSULATED_BYTES), utf8ToBytes(aad)));
  } catch (cause) {
    throw new SealError('seal_open', 'Cannot open sealed message: other key, other purpose or altered', {
      cause,
    });
  }
}

async function senderContext(publicKey: string, info: string) {
  if (!/^[0-9a-f]{64}$/.test(publicKey))
    throw new SealError(
      'seal_public_key',
      'Cannot seal: the public key is not 64 lowercase hexadecimal digits',
    );
  try {
    const recipientPublicKey = await suite.kem.deserializePublicKey(hexToBytes(publicKey));
    return await suite.createSenderContext({ recipientPublicKey, info: utf8ToBytes(info) });
  } catch (cause) {
    throw new SealError('seal_public_key', 'Cannot seal: the public key is not a usable X25519 key', {
      cause,
    });
  }
}

function checkPrivateKey(privateKey: Uint8Array): void {
  if (privateKey.length !== 32)
    throw new SealError(
      'seal_private_key',
      `Cannot use private key: it has ${privateKey.length} bytes, not 32`,
    );
}
