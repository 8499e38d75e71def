import { createPrivateKey } from 'node:crypto';
import { decodeSuiPrivateKey } from '@mysten/sui/cryptography';

/** The bytes that nobody else may see, whatever file or text they are kept in. */
export type Secrets = Readonly<Record<string, Uint8Array>>;

/** The number that is the secret of a key in PEM on a NIST curve. */
export function ofPem(pem: string): Uint8Array {
  const { d, kty } = createPrivateKey(pem).export({ format: 'jwk' });
  if (kty !== 'EC' || d === undefined) throw new Error(`Cannot use a key of type ${kty}: not on a curve`);
  return Buffer.from(d, 'base64url');
}

/** The secret of a wallet. */
export function ofWallet(text: string): Uint8Array {
  return decodeSuiPrivateKey(text.trim()).secretKey;
}

/** Which of the secrets are in some of the texts, in any way in which software writes bytes down. */
export function findSecrets(secrets: Secrets, texts: readonly Buffer[]): string[] {
  const empty = Object.keys(secrets).find((name) => secrets[name]?.length === 0);
  if (empty !== undefined) throw new Error(`Cannot look for ${empty}: it is empty`);
  return Object.entries(secrets)
    .filter(([, secret]) => spellings(Buffer.from(secret)).some((one) => texts.some((t) => t.includes(one))))
    .map(([name]) => name);
}

function spellings(secret: Buffer): Buffer[] {
  const hex = secret.toString('hex');
  const base64 = [0, 1, 2].flatMap((shift) => [
    base64At(secret, shift, 'base64'),
    base64At(secret, shift, 'base64url'),
  ]);
  const lines = base64.flatMap(acrossLines);
  return [secret, ...[hex, hex.toUpperCase(), ...base64, ...lines].map((text) => Buffer.from(text))];
}

/** What is the same in base64 whatever stands before and after, when it begins `shift` bytes into a group of three. */
function base64At(secret: Buffer, shift: number, encoding: 'base64' | 'base64url'): string {
  const text = Buffer.concat([Buffer.alloc(shift), secret]).toString(encoding);
  return text.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + secret.length) * 8) / 6));
}

/** PEM breaks lines anywhere in it: of one half or the other, most is on one line. */
function acrossLines(text: string): string[] {
  const half = text.length >> 1;
  return text.length < 32 ? [] : [text.slice(0, half), text.slice(half)];
}
