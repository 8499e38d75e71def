import { decodeSuiPrivateKey, type Keypair } from '@mysten/sui/cryptography';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Secp256k1Keypair } from '@mysten/sui/keypairs/secp256k1';
import { Secp256r1Keypair } from '@mysten/sui/keypairs/secp256r1';
import { ChainError } from './error.ts';

/** By the flag that Sui puts before a key of the scheme. */
const SCHEMES = [Ed25519Keypair, Secp256k1Keypair, Secp256r1Keypair] as const;
const FLAGS = { ED25519: 0, Secp256k1: 1, Secp256r1: 2 } as const satisfies Record<
  string,
  keyof typeof SCHEMES
>;
const SECRET_BYTES = 32;
/** What `sui keytool export --json` and `convert --json` call the key. */
const KEYTOOL_FIELDS = ['exportedPrivateKey', 'bech32WithFlag'];

/**
 * Reads a Sui key in the forms that say by themselves what they are: `suiprivkey1…`, base64 with its flag, a
 * `sui.keystore` of one key, and keytool's JSON. Of Ed25519, secp256k1 or secp256r1.
 *
 * @param text of the file
 * @throws ChainError `key`, saying how to convert other forms; the text is never in it
 */
export function readSuiKey(text: string): Keypair {
  const line = text.trim();
  if (/^suiprivkey1[a-z0-9]+$/.test(line)) return fromBech32(line);
  if (/^[[{]/.test(line)) return readSuiKey(fromJson(line));
  if (/^(0x)?[0-9a-f]{64}$/i.test(line))
    throw refused(
      'hex does not say of which scheme a key is; run sui keytool convert on it and keep bech32WithFlag',
    );
  if (/^[A-Za-z0-9+/]{44}$/.test(line)) return fromFlagged(Buffer.from(line, 'base64'));
  if (/^[a-z]{3,8}( +[a-z]{3,8}){11,23}$/.test(line))
    throw refused('a mnemonic stands for many keys; run sui keytool import on it, then sui keytool export');
  throw refused('it must hold one suiprivkey1… line, as sui keytool export prints it');
}

function fromBech32(line: string): Keypair {
  const decoded = attempt(() => decodeSuiPrivateKey(line));
  if (decoded === undefined) throw refused('its suiprivkey1… line is damaged');
  const { scheme, secretKey } = decoded;
  if (!(scheme in FLAGS))
    throw refused(`a key of ${scheme} cannot sign here; use Ed25519, secp256k1 or secp256r1`);
  return keypair(FLAGS[scheme as keyof typeof FLAGS], secretKey);
}

/** Flag and secret, as `sui.keystore` holds each key. */
function fromFlagged(bytes: Uint8Array): Keypair {
  const [flag, ...secret] = bytes;
  if (secret.length !== SECRET_BYTES || (flag !== 0 && flag !== 1 && flag !== 2))
    throw refused(
      'its base64 is no key with its flag; run sui keytool convert on it and keep bech32WithFlag',
    );
  return keypair(flag, Uint8Array.from(secret));
}

function keypair(flag: 0 | 1 | 2, secret: Uint8Array): Keypair {
  const made = attempt(() => SCHEMES[flag].fromSecretKey(secret));
  if (made === undefined) throw refused('its number is no key of its scheme');
  return made;
}

function fromJson(text: string): string {
  const value = attempt((): unknown => JSON.parse(text));
  if (Array.isArray(value)) {
    if (value.length === 1 && typeof value[0] === 'string') return value[0];
    throw refused(`it holds ${value.length} keys; run sui keytool export for the one to use`);
  }
  for (const field of KEYTOOL_FIELDS) {
    const key = (Object(value) as Record<string, unknown>)[field];
    if (typeof key === 'string' && key.startsWith('suiprivkey1')) return key;
  }
  throw refused('its JSON holds no suiprivkey1… key; run sui keytool export');
}

// What the libraries say may quote the key, so none of it is passed on.
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function refused(why: string): ChainError {
  return new ChainError('key', `Cannot use this key: ${why}`);
}
