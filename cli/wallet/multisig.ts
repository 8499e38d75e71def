import { dirname, resolve } from 'node:path';
import { NO_KEY_OF_ITS_OWN } from '@daasvader/chain/sui-key.ts';
import type { Keypair, PublicKey, Signer } from '@mysten/sui/cryptography';
import { MultiSigPublicKey, MultiSigSigner } from '@mysten/sui/multisig';
import { publicKeyFromSuiBytes } from '@mysten/sui/verify';
import { z } from 'zod';
import { CliError } from '../error.ts';

/** What Sui allows: sui-types, multisig.rs. */
const MAX_KEYS = 10;
const MAX_WEIGHT = 255;
const MAX_THRESHOLD = 65_535;
/** Flags of keys that sign by themselves. */
const SIGNING_FLAGS: readonly (number | undefined)[] = [0, 1, 2];

const form = z.strictObject({
  multisig: z.strictObject({
    threshold: z.int().min(1).max(MAX_THRESHOLD),
    keys: z
      .array(
        z.strictObject({
          /** Base64 with its flag, as `sui keytool list` shows it. */
          publicKey: z.base64(),
          weight: z.int().min(1).max(MAX_WEIGHT),
          /** The wallet file of a member who signs here; from the folder of this file. */
          wallet: z.string().optional(),
        }),
      )
      .min(1)
      .max(MAX_KEYS),
  }),
});

interface Member {
  publicKey: PublicKey;
  weight: number;
  wallet?: string | undefined;
}

/** Whether a wallet file is meant as that of a multisig. */
export function isMultisig(text: string): boolean {
  return /^\s*\{\s*"multisig"\s*:/.test(text);
}

/**
 * Reads a multisig: its public keys in the order that makes its address, their weights, its threshold, and the wallets
 * of those who sign here.
 *
 * @param readKey reads the wallet of a member, of that address where it holds several
 * @throws CliError `file`
 */
export async function readMultisig(
  file: string,
  text: string,
  readKey: (file: string, address: string) => Promise<Keypair>,
): Promise<Signer> {
  const { threshold, keys } = parse(file, text);
  const members = keys.map(({ publicKey, ...rest }) => ({
    ...rest,
    publicKey: publicKeyOf(file, publicKey),
  }));
  checkWeights(file, members, threshold);
  const signers: Keypair[] = [];
  for (const { wallet, publicKey } of members) {
    if (wallet === undefined) continue;
    const key = await readKey(resolve(dirname(file), wallet), publicKey.toSuiAddress());
    if (key.toSuiAddress() !== publicKey.toSuiAddress())
      throw refused(
        file,
        `${wallet} is the key of ${key.toSuiAddress()}, not of ${publicKey.toSuiAddress()}`,
      );
    signers.push(key);
  }
  return new MultiSigSigner(MultiSigPublicKey.fromPublicKeys({ threshold, publicKeys: members }), signers);
}

function parse(file: string, text: string): z.output<typeof form>['multisig'] {
  try {
    return form.parse(JSON.parse(text)).multisig;
  } catch (cause) {
    throw refused(file, cause instanceof z.ZodError ? z.prettifyError(cause) : 'it is not JSON');
  }
}

function publicKeyOf(file: string, text: string): PublicKey {
  const [flag] = Buffer.from(text, 'base64');
  if (!SIGNING_FLAGS.includes(flag)) throw refused(file, NO_KEY_OF_ITS_OWN);
  try {
    return publicKeyFromSuiBytes(text);
  } catch {
    // Who mixed them up has written a private key, which no message may show.
    throw refused(file, 'a publicKey is none; sui keytool list shows them as publicBase64KeyWithFlag');
  }
}

function checkWeights(file: string, members: readonly Member[], threshold: number): void {
  if (new Set(members.map(({ publicKey }) => publicKey.toSuiAddress())).size < members.length)
    throw refused(file, 'a public key is there twice');
  const total = sum(members);
  if (total < threshold)
    throw refused(file, `all its keys weigh ${total}, and never the threshold of ${threshold}`);
  const here = sum(members.filter(({ wallet }) => wallet !== undefined));
  if (here < threshold)
    throw refused(
      file,
      `the keys with a wallet weigh ${here} of ${threshold}; name a wallet for more of them`,
    );
}

function sum(members: readonly Member[]): number {
  return members.reduce((total, { weight }) => total + weight, 0);
}

function refused(file: string, why: string): CliError {
  return new CliError('file', `Cannot use the multisig ${file}: ${why}`);
}
