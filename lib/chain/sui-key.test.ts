import { decodeSuiPrivateKey } from '@mysten/sui/cryptography';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Secp256k1Keypair } from '@mysten/sui/keypairs/secp256k1';
import { Secp256r1Keypair } from '@mysten/sui/keypairs/secp256r1';
import { expect, test } from 'vitest';
import { readSuiKey } from './sui-key.ts';

const KEYS = [
  ['Ed25519', new Ed25519Keypair(), 0],
  ['secp256k1', new Secp256k1Keypair(), 1],
  ['secp256r1', new Secp256r1Keypair(), 2],
] as const;
const WORDS = 'film crazy soon outside stand loop subway crumble thrive popular green nuclear';

const secretOf = (key: (typeof KEYS)[number][1]) => decodeSuiPrivateKey(key.getSecretKey()).secretKey;
const flagged = (key: (typeof KEYS)[number][1], flag: number) =>
  Buffer.from([flag, ...secretOf(key)]).toString('base64');

test.each(KEYS)('a key of %s is read in every form that says what it is', (_scheme, key, flag) => {
  const bech32 = key.getSecretKey();
  const forms = [
    bech32,
    `  ${bech32}\r\n`,
    flagged(key, flag),
    JSON.stringify([flagged(key, flag)], null, 2),
    JSON.stringify([bech32]),
    JSON.stringify({ exportedPrivateKey: bech32, key: { alias: 'a', suiAddress: key.toSuiAddress() } }),
    JSON.stringify({ bech32WithFlag: bech32, hexWithoutFlag: '…', scheme: 'any' }),
  ];
  for (const form of forms) expect(readSuiKey(form).toSuiAddress()).toBe(key.toSuiAddress());
});

const key = KEYS[0][1];
test.each([
  ['hex', Buffer.from(secretOf(key)).toString('hex'), 'sui keytool convert'],
  ['hex with 0x', `0x${Buffer.from(secretOf(key)).toString('hex')}`, 'sui keytool convert'],
  ['a mnemonic', WORDS, '--wallet-mnemonic'],
  ['a keystore of two keys', JSON.stringify([flagged(key, 0), flagged(key, 0)]), 'it holds 2 keys'],
  ['an empty keystore', '[]', 'it holds 0 keys'],
  ['base64 without its flag', Buffer.from(secretOf(key)).toString('base64').slice(0, 44), 'suiprivkey1'],
  ['base64 with a flag of multisig', flagged(key, 3), 'no key with its flag'],
  [
    'zero as a key of secp256k1',
    Buffer.from([1, ...Array(32).fill(0)]).toString('base64'),
    'no key of its scheme',
  ],
  [
    'a suiprivkey with a wrong letter',
    key.getSecretKey().replace(/.$/, (c) => (c === 'q' ? 'p' : 'q')),
    'damaged',
  ],
  ['an address', '0x2', 'only its key can sign'],
  ['a public key of secp256k1', KEYS[1][1].getPublicKey().toSuiPublicKey(), 'it is a public key'],
  ['a key that openssl encrypted', `U2FsdGVkX1${'9'.repeat(60)}`, 'it is encrypted'],
  ['an encrypted PEM', `-----BEGIN ENCRYPTED PRIVATE KEY-----\n${'A'.repeat(64)}`, 'it is encrypted'],
  ['the vault of an extension', JSON.stringify({ ciphertext: 'abc', nonce: 'd' }), 'it is encrypted'],
  ['a PEM', `-----BEGIN PRIVATE KEY-----\n${'A'.repeat(64)}`, 'it is PEM'],
  ['a Ledger', 'ledger://nano?index=0', '--sign-with'],
  ['base64 with the flag of zkLogin', flagged(key, 5), 'zkLogin'],
  ['what a zkLogin session keeps', JSON.stringify({ jwt: 'e30', salt: '1', maxEpoch: 3 }), 'zkLogin'],
  ['the configuration of sui client', '---\nkeystore:\n  File: /a\n', 'name its sui.keystore'],
  ['the aliases of a keystore', JSON.stringify([{ alias: 'a' }]), 'name the sui.keystore'],
  ['bytes', '\0\u0001\u0002', 'it is not text'],
  ["keytool's JSON of a public key", '{"alias":"a","suiAddress":"0x1"}', 'sui keytool export'],
  ['damaged JSON', '{"exportedPrivateKey"', 'sui keytool export'],
  ['nothing', '', 'it is empty'],
])('%s is refused with what to do, and never shown', (_what, text, advice) => {
  let message = '';
  try {
    readSuiKey(text);
  } catch (error) {
    message = (error as Error).message;
    expect(error).toMatchObject({ code: 'key' });
  }
  expect(message).toContain(advice);
  if (text.length > 40) expect(message).not.toContain(text.slice(2, 12));
});

test('of a keystore with several keys the one of the address is read, and no other', () => {
  const kept = KEYS.map(([, each, flag]) => flagged(each, flag));
  const text = JSON.stringify([...kept, flagged(key, 5)]);
  for (const [, each] of KEYS)
    expect(readSuiKey(text, each.toSuiAddress()).getSecretKey()).toBe(each.getSecretKey());
  const stranger = new Ed25519Keypair().toSuiAddress();
  expect(() => readSuiKey(text, stranger)).toThrow(`none that can sign is of ${stranger}`);
  expect(() => readSuiKey(text)).toThrow(KEYS[2][1].toSuiAddress());
});
