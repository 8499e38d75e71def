import { spawn } from 'node:child_process';
import { printable } from '@daasvader/attestation/printable.ts';
import { NO_KEY_OF_ITS_OWN } from '@daasvader/chain/sui-key.ts';
import { toBase64 } from '@mysten/bcs';
import {
  type PublicKey,
  SIGNATURE_FLAG_TO_SCHEME,
  type SignatureScheme,
  Signer,
} from '@mysten/sui/cryptography';
import { verifyPersonalMessageSignature, verifyTransactionSignature } from '@mysten/sui/verify';
import { CliError } from '../error.ts';

/** A person may have to look at a device and press a button. */
const TIMEOUT_MS = 120_000;
/** Far above a multisig of ten. */
const MAX_OUTPUT_BYTES = 1 << 14;
const MAX_TOLD_BYTES = 1 << 14;

/** What is signed, as the program sees it in `DAAS_SIGN`. */
type Purpose = 'transaction' | 'personal-message';

/**
 * Has a program sign. It runs in a shell, gets what to sign in base64 on standard input, `DAAS_SIGN` and
 * `DAAS_SIGN_ADDRESS` in its environment, and prints a Sui signature in base64, which is believed only once it verifies.
 */
export class ProgramSigner extends Signer {
  readonly #command: string;
  readonly #address: string;
  readonly #timeoutMs: number;

  /** @param timeoutMs how long it may take */
  constructor(command: string, address: string, timeoutMs = TIMEOUT_MS) {
    super();
    this.#command = command;
    this.#address = address;
    this.#timeoutMs = timeoutMs;
  }

  override toSuiAddress(): string {
    return this.#address;
  }

  /** @throws CliError `wallet` */
  override async signTransaction(bytes: Uint8Array): Promise<{ bytes: string; signature: string }> {
    return this.#sign('transaction', bytes, verifyTransactionSignature);
  }

  /** @throws CliError `wallet` */
  override async signPersonalMessage(bytes: Uint8Array): Promise<{ bytes: string; signature: string }> {
    return this.#sign('personal-message', bytes, verifyPersonalMessageSignature);
  }

  override sign(): never {
    throw refused('it signs transactions and personal messages only');
  }

  override getKeyScheme(): SignatureScheme {
    throw refused('it does not tell its scheme');
  }

  override getPublicKey(): PublicKey {
    throw refused('it does not tell its public key');
  }

  async #sign(purpose: Purpose, bytes: Uint8Array, verify: typeof verifyTransactionSignature) {
    const env = { ...process.env, DAAS_SIGN: purpose, DAAS_SIGN_ADDRESS: this.#address };
    const signature = (await run(this.#command, toBase64(bytes), env, this.#timeoutMs)).trim();
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(signature))
      throw refused('it printed no signature: one line of base64, as the suiSignature of sui keytool sign');
    const [flag] = Buffer.from(signature, 'base64');
    const scheme = (SIGNATURE_FLAG_TO_SCHEME as Record<number, string>)[flag ?? -1];
    if (scheme === 'ZkLogin' || scheme === 'Passkey') throw refused(NO_KEY_OF_ITS_OWN);
    try {
      await verify(bytes, signature, { address: this.#address });
    } catch (cause) {
      throw refused(`what it printed is no signature of this ${purpose} by ${this.#address}`, cause);
    }
    return { bytes: toBase64(bytes), signature };
  }
}

function run(command: string, input: string, env: NodeJS.ProcessEnv, timeoutMs: number): Promise<string> {
  const child = spawn('/bin/sh', ['-c', command], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  return new Promise<string>((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const late = setTimeout(
      () => reject(refused(`it gave no signature in ${timeoutMs / 1000} s`)),
      timeoutMs,
    );
    child.stdout.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > MAX_OUTPUT_BYTES) reject(refused(`it printed more than ${MAX_OUTPUT_BYTES} bytes`));
      else chunks.push(chunk);
    });
    child.stderr.on('data', tellPerson());
    child.stdin.on('error', () => {}); // it may sign what it does not read to the end; the signature decides
    child.on('error', (cause) => reject(refused('it cannot be started', cause)));
    child.on('close', (code, signal) => {
      if (code === 0) resolve(Buffer.concat(chunks).toString('utf8'));
      else reject(refused(`it ended with ${signal ?? `exit code ${code}`}`));
    });
    child.on('close', () => clearTimeout(late));
    child.stdin.end(`${input}\n`);
  }).finally(() => {
    child.kill('SIGKILL');
    // What it started itself may hold these open for as long as it likes.
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
    child.unref();
  });
}

/** Shows what the program tells a person, such as to press a button, escaped and not without end. */
function tellPerson(): (chunk: Buffer) => void {
  let left = MAX_TOLD_BYTES;
  return (chunk) => {
    const text = chunk.subarray(0, left).toString('utf8').trimEnd();
    left = Math.max(0, left - chunk.length);
    for (const line of text === '' ? [] : text.split('\n'))
      process.stderr.write(`sign-with: ${printable(line)}\n`);
  };
}

function refused(why: string, cause?: unknown): CliError {
  return new CliError('wallet', `Cannot sign with the program of --sign-with: ${why}`, { cause });
}
