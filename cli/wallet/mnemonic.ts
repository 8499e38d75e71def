import type { ReadStream } from 'node:tty';
import type { Keypair } from '@mysten/sui/cryptography';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Secp256k1Keypair } from '@mysten/sui/keypairs/secp256k1';
import { Secp256r1Keypair } from '@mysten/sui/keypairs/secp256r1';
import { validateMnemonic } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { CliError } from '../error.ts';
import { openTerminal } from '../terminal.ts';

const DEFAULT_PATH = "m/44'/784'/0'/0'/0'";
/** By how its path begins: SLIP-0010 for Ed25519, BIP-32 for the others, as Sui wallets derive. */
const SCHEMES = [
  { path: /^m\/44'\/784'\/\d{1,9}'\/\d{1,9}'\/\d{1,9}'$/, derive: Ed25519Keypair.deriveKeypair },
  { path: /^m\/54'\/784'\/\d{1,9}'\/\d{1,9}\/\d{1,9}$/, derive: Secp256k1Keypair.deriveKeypair },
  { path: /^m\/74'\/784'\/\d{1,9}'\/\d{1,9}\/\d{1,9}$/, derive: Secp256r1Keypair.deriveKeypair },
] as const;
const WORD_COUNTS = [12, 15, 18, 21, 24];
/** Far above 24 words. */
const MAX_LENGTH = 512;
const ANSWER_TIMEOUT_MS = 300_000;

/** What a terminal sends for Enter and Ctrl-D, for Ctrl-C, and for the key that takes back. */
const END = '\r\n\u0004';
const INTERRUPT = '\u0003';
const BACKSPACE = '\b\u007f';

/**
 * Asks for a mnemonic on the terminal, which does not show it, and derives a key; stderr is told its address, because a
 * path that is wrong makes another.
 *
 * @param path of the key; that of Ed25519's first account when left out
 * @throws CliError `wallet`; nothing that was typed is in it
 */
export async function askMnemonic(path = DEFAULT_PATH): Promise<Keypair> {
  const scheme = SCHEMES.find((each) => each.path.test(path));
  if (scheme === undefined)
    throw refused("--wallet-path is not m/44'/784'/0'/0'/0', m/54'/784'/0'/0/0 or m/74'/784'/0'/0/0");
  const key = deriveKey(await askHidden('Mnemonic (not shown): '), (words) => scheme.derive(words, path));
  process.stderr.write(`wallet: ${key.toSuiAddress()}, of the mnemonic at ${path}\n`);
  return key;
}

function deriveKey(text: string, derive: (words: string) => Keypair): Keypair {
  const words = text.trim().toLowerCase().split(/\s+/);
  if (!WORD_COUNTS.includes(words.length) || !words.every((word) => /^[a-z]{3,8}$/.test(word)))
    throw refused('it is 12 to 24 English words, separated by blanks');
  // The last one is a checksum of the others (BIP-39); of sixteen slips, or more, one passes.
  if (!validateMnemonic(words.join(' '), wordlist))
    throw refused('a word is none of the list, or is not the one that was written down; look again');
  try {
    return derive(words.join(' '));
  } catch {
    throw refused('no key can be derived from these words'); // what the library says may quote them
  }
}

async function askHidden(question: string): Promise<string> {
  const terminal = openTerminal();
  if (terminal === undefined)
    throw refused('there is no terminal to ask on; a program may have it sign with --sign-with');
  terminal.setRawMode(true);
  process.stderr.write(question);
  try {
    return await readLine(terminal);
  } finally {
    terminal.setRawMode(false);
    terminal.destroy();
    process.stderr.write('\n');
  }
}

function readLine(terminal: ReadStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const late = setTimeout(() => reject(refused('nobody answered; try again')), ANSWER_TIMEOUT_MS);
    const take = (character: string) => {
      if (character === INTERRUPT) reject(refused('it was called off'));
      else if (END.includes(character)) resolve(text);
      else if (BACKSPACE.includes(character)) text = text.slice(0, -1);
      else text += character;
      if (text.length > MAX_LENGTH) reject(refused('it is longer than 24 words'));
    };
    terminal.setEncoding('utf8');
    terminal.on('data', (chunk: string) => [...chunk].forEach(take));
    terminal.on('error', () => reject(refused('the terminal is gone')));
    terminal.on('end', () => reject(refused('the terminal is gone')));
    terminal.on('close', () => clearTimeout(late));
  });
}

function refused(why: string): CliError {
  return new CliError('wallet', `Cannot use a mnemonic: ${why}`);
}
