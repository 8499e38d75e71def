import { type Bytes, fromHex, toHex } from '@daasvader/attestation/bytes.ts';
import { MAX_DOCUMENT_BYTES } from '@daasvader/attestation/cose.ts';
import { AttestationError } from '@daasvader/attestation/error.ts';
import { DEFAULT_MAX_AGE_MS, type Policy, UNCHECKED } from '@daasvader/attestation/policy.ts';
import { printable } from '@daasvader/attestation/printable.ts';
import { type VerifiedDocument, verifyAttestation } from '@daasvader/attestation/verify.ts';
import { readBounded } from '@daasvader/program/bounded-file.ts';
import { Command, InvalidArgumentError } from 'commander';
import { parseMs, parseSeconds } from './arguments.ts';
import { readText } from './file.ts';
import { printJson } from './output.ts';

const EXIT_REFUSED = 1;

interface VerifyOptions {
  at?: number;
  maxAge: number;
  root?: string;
  pcr0?: Bytes;
  pcr1?: Bytes;
  pcr2?: Bytes;
  anyPcrs?: boolean;
  nonce?: Bytes;
  userData?: Bytes;
  allowDebug?: boolean;
  json?: boolean;
}

/** `daas attest`: look at what a control plane says about itself. */
export function attestCommand(command: Command): void {
  command.addCommand(verifyCommand());
}

function verifyCommand(): Command {
  return new Command('verify')
    .description('verify a Nitro Enclaves attestation document; exit 0 valid, 1 refused, 2 wrong usage')
    .argument('<file>', 'the document as the NSM signed it (COSE_Sign1)')
    .option('--at <ms>', 'verify as of this time, ms since 1970; now when left out', parseMs)
    .option('--max-age <seconds>', 'how old the document may be', parseSeconds, DEFAULT_MAX_AGE_MS / 1000)
    .option('--root <pem>', "trust this root instead of AWS's, and say so in the answer")
    .option('--pcr0 <hex>', 'expected PCR 0: the whole image', parseHex)
    .option('--pcr1 <hex>', 'expected PCR 1: kernel and boot', parseHex)
    .option('--pcr2 <hex>', 'expected PCR 2: application', parseHex)
    .option('--any-pcrs', 'accept whatever image it is')
    .option('--nonce <hex>', 'the challenge that the document must answer', parseHex)
    .option('--user-data <hex>', 'the hash that the document must commit to', parseHex)
    .option('--allow-debug', 'accept an enclave whose host can read it')
    .option('--json', 'print one line of JSON')
    .action((file: string, options: VerifyOptions, command: Command) => verifyFile(file, options, command));
}

async function verifyFile(file: string, options: VerifyOptions, command: Command): Promise<void> {
  const policy = await toPolicy(options, command);
  try {
    const document = await readDocument(file, command);
    const verified = await verifyAttestation(document, options.at ?? Date.now(), policy);
    if (options.json) printJson({ valid: true, document: toJson(verified), root: verified.root });
    else process.stdout.write(describe(verified));
  } catch (error) {
    if (!(error instanceof AttestationError)) throw error;
    if (error.code.startsWith('policy_')) command.error(`error: ${printable(error.message)}`);
    report(error, options.json === true);
    process.exitCode = EXIT_REFUSED;
  }
}

async function toPolicy(options: VerifyOptions, command: Command): Promise<Policy> {
  const { pcr0, pcr1, pcr2, anyPcrs } = options;
  const given = Object.entries({ 0: pcr0, 1: pcr1, 2: pcr2 }).filter(([, value]) => value !== undefined);
  if (given.length === 0 && !anyPcrs)
    command.error(
      'error: no PCR is expected: give --pcr0, --pcr1 or --pcr2, or accept any image with --any-pcrs',
    );
  if (given.length > 0 && anyPcrs) command.error('error: --any-pcrs contradicts the PCRs that are expected');
  const root = options.root === undefined ? undefined : await readRoot(options.root, command);
  return {
    pcrs: anyPcrs ? UNCHECKED : (Object.fromEntries(given) as Record<number, Bytes>),
    nonce: options.nonce ?? UNCHECKED,
    userData: options.userData ?? UNCHECKED,
    publicKey: UNCHECKED,
    maxAgeMs: options.maxAge * 1000,
    allowDebug: options.allowDebug === true,
    ...(root !== undefined && { root }),
  };
}

/** A file that cannot be read says nothing about the document, so it is wrong usage and not a refusal. */
async function readDocument(path: string, command: Command): Promise<Buffer> {
  try {
    return await readBounded(path, MAX_DOCUMENT_BYTES);
  } catch (error) {
    if (!(error instanceof RangeError)) return unreadable(error, `Cannot read ${path}`, command);
    throw new AttestationError('document_too_large', 'Cannot read document: too large', {
      expected: `at most ${MAX_DOCUMENT_BYTES} bytes`,
      actual: 'more',
    });
  }
}

async function readRoot(path: string, command: Command): Promise<string> {
  try {
    return await readText(path, 'the root');
  } catch (error) {
    return unreadable(error, 'Cannot use --root', command);
  }
}

function unreadable(error: unknown, what: string, command: Command): never {
  return command.error(printable(`error: ${what}: ${(error as Error).message}`));
}

function toJson({ moduleId, timestamp, digest, pcrs, userData, nonce, publicKey }: VerifiedDocument) {
  const hex = (bytes: Bytes | null) => bytes && toHex(bytes);
  return {
    moduleId,
    timestamp,
    digest,
    pcrs: Object.fromEntries([...pcrs].map(([index, pcr]) => [index, toHex(pcr)])),
    userData: hex(userData),
    nonce: hex(nonce),
    publicKey: hex(publicKey),
  };
}

function describe({ moduleId, timestamp, root, checks }: VerifiedDocument): string {
  const lines = checks.map(({ name, passed, detail }) => `${passed === true ? '✓' : '-'} ${name}: ${detail}`);
  const trust = root.aws ? 'AWS Nitro Enclaves G1' : `NOT AWS, but ${root.sha256} as asked for with --root`;
  const made = `made ${new Date(timestamp).toISOString()} by ${moduleId}`;
  return `${[...lines, `root: ${trust}`, `valid: ${made}`].map(printable).join('\n')}\n`;
}

function report({ code, message, expected, actual }: AttestationError, json: boolean): void {
  if (json) {
    printJson({ valid: false, code, message, expected, actual });
    return;
  }
  const details = [expected && `  expected ${expected}`, actual && `  actual   ${actual}`];
  const lines = [`✗ refused: ${message} [${code}]`, ...details.filter((line) => line !== undefined)];
  process.stderr.write(`${lines.map(printable).join('\n')}\n`);
}

function parseHex(text: string): Bytes {
  const bytes = fromHex(text);
  if (bytes === undefined) throw new InvalidArgumentError('It is not whole bytes in hexadecimal.');
  return bytes;
}
