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
/** Flags and names of accounts that have no key of their own. */
const ZKLOGIN = 5;
const PASSKEY = 6;
/** Of several keys, how many addresses a message tells. */
const SHOWN = 4;

/** Why an account without a key of its own cannot sign here, and what its owner does instead. */
export const NO_KEY_OF_ITS_OWN =
  'zkLogin and passkeys have no key that could sign here; use an address with a key (daas wallet create), and let an ' +
  'account that has a role give it one (daas role grant)';

/** What people keep that is no key, each with what to do; tried in this order, after every form that is one. */
const ODD_FORMS: readonly [RegExp, string][] = [
  [/^$/, 'it is empty; daas wallet create makes one'],
  [
    /BEGIN ENCRYPTED|BEGIN PGP|^age-encryption\.org|^U2FsdGVkX1|^Salted__|"(crypto|cipher\w*|kdf|encrypted\w*|vault)"/i,
    'it is encrypted; decrypt it into a file of your own, or have daas ask the program that can sign: --sign-with',
  ],
  [/^-----BEGIN /, 'it is PEM; Sui keys are suiprivkey1… lines, as sui keytool export prints them'],
  [
    /^(0x)?[0-9a-f]{64}$/i,
    'hex is an address, or a key that does not say its scheme; of a key, run sui keytool convert on it and keep bech32WithFlag',
  ],
  [/^0x[0-9a-f]+$/i, 'it is an address, and only its key can sign; run sui keytool export on it'],
  [
    /^[A-Za-z0-9+/]{43}=$/,
    'base64 of 32 bytes does not say of which scheme a key is; keep the suiprivkey1… line of sui keytool export',
  ],
  [/^[A-Za-z0-9+/]{46}==$/, 'it is a public key, and only the private one can sign; run sui keytool export'],
  [
    /^[a-z]{3,8}( +[a-z]{3,8}){11,23}$/,
    'a mnemonic stands for many keys; daas asks for one with --wallet-mnemonic, or run sui keytool import on it, then sui keytool export',
  ],
  [/ledger/i, 'a Ledger keeps its key to itself; daas has a program sign with --sign-with'],
  [/zk_?login|passkey|"(jwt|ephemeral\w*|(user_?)?salt|max_?epoch)"/i, NO_KEY_OF_ITS_OWN],
  [/^(---\s+)?keystore:|^active_address:/m, 'it is the configuration of sui client; name its sui.keystore'],
  [/[\0\ufffd]/, 'it is not text; keep the suiprivkey1… line of sui keytool export'],
];

/**
 * Reads a Sui key in the forms that say by themselves what they are: `suiprivkey1…`, base64 with its flag,
 * `sui.keystore`, and keytool's JSON. Of Ed25519, secp256k1 or secp256r1.
 *
 * @param text of the file
 * @param address of the key to take, where the text holds several; of a single key it is not compared
 * @throws ChainError `key`, saying how to convert other forms; the text is never in it
 */
export function readSuiKey(text: string, address?: string): Keypair {
  const line = text.trim();
  const value = /^[[{]/.test(line) ? attempt((): unknown => JSON.parse(line)) : undefined;
  if (Array.isArray(value)) return fromKeystore(value, address);
  return readLine(keytoolKey(value) ?? line);
}

function readLine(line: string): Keypair {
  if (/^suiprivkey1[a-z0-9]+$/.test(line)) return fromBech32(line);
  if (/^[A-Za-z0-9+/]{44}$/.test(line)) return fromFlagged(Buffer.from(line, 'base64'));
  const odd = ODD_FORMS.find(([form]) => form.test(line));
  if (odd !== undefined) throw refused(odd[1]);
  if (line.startsWith('{')) throw refused('its JSON holds no suiprivkey1… key; run sui keytool export');
  throw refused('it must hold one suiprivkey1… line, as sui keytool export prints it');
}

function fromKeystore(keys: readonly unknown[], address: string | undefined): Keypair {
  if (keys.some((key) => typeof key !== 'string'))
    throw refused('its list holds other things than keys; name the sui.keystore beside it');
  const [only, ...others] = keys as string[];
  if (only === undefined) throw refused('it holds 0 keys; sui client new-address makes one');
  if (others.length === 0) return readLine(only);
  // Of those that are not asked for, some may be of kinds that cannot sign here.
  const readable = (keys as string[]).flatMap((key) => attempt(() => readLine(key)) ?? []);
  const chosen = readable.find((key) => key.toSuiAddress() === address);
  if (chosen !== undefined) return chosen;
  const whose = address === undefined ? 'choose one' : `none that can sign is of ${address}; choose`;
  const addresses = readable.slice(0, SHOWN).map((key) => key.toSuiAddress());
  const more = readable.length > SHOWN ? ', …' : '';
  throw refused(
    `it holds ${keys.length} keys; ${whose} by its address (--wallet-address, or wallet_address of a worker): ${addresses.join(', ')}${more}`,
  );
}

function fromBech32(line: string): Keypair {
  const decoded = attempt(() => decodeSuiPrivateKey(line));
  if (decoded === undefined) throw refused('its suiprivkey1… line is damaged');
  const { scheme, secretKey } = decoded;
  if (!(scheme in FLAGS)) throw refused(NO_KEY_OF_ITS_OWN);
  return keypair(FLAGS[scheme as keyof typeof FLAGS], secretKey);
}

/** Flag and secret, as `sui.keystore` holds each key. */
function fromFlagged(bytes: Uint8Array): Keypair {
  const [flag, ...secret] = bytes;
  if (flag === ZKLOGIN || flag === PASSKEY) throw refused(NO_KEY_OF_ITS_OWN);
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

function keytoolKey(value: unknown): string | undefined {
  const fields = Object(value) as Record<string, unknown>;
  return KEYTOOL_FIELDS.map((field) => fields[field]).find(
    (key): key is string => typeof key === 'string' && key.startsWith('suiprivkey1'),
  );
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
