import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ProgramSigner } from './program.ts';

const KEY = new Ed25519Keypair();
const ADDRESS = KEY.toSuiAddress();
const MESSAGE = Buffer.from('hello');

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daas-program-'));
});

afterAll(() => rm(directory, { recursive: true }));

/** A program that prints that. */
async function printing(text: string): Promise<string> {
  const file = join(directory, 'output');
  await writeFile(file, text);
  return `cat ${file}`;
}

const sign = async (command: string, timeoutMs?: number) =>
  new ProgramSigner(command, ADDRESS, timeoutMs).signPersonalMessage(MESSAGE);

test('a program gets what to sign, whose it is and of what kind, and its signature is taken', async () => {
  const { signature } = await KEY.signPersonalMessage(MESSAGE);
  const seen = join(directory, 'seen');
  const command = `(cat; echo $DAAS_SIGN $DAAS_SIGN_ADDRESS) > ${seen}; ${await printing(`${signature}\n`)}`;
  expect(await sign(command)).toEqual({ signature, bytes: MESSAGE.toString('base64') });
  expect(await readFile(seen, 'utf8')).toBe(`${MESSAGE.toString('base64')}\npersonal-message ${ADDRESS}\n`);
});

test.each([
  ['nothing', async () => '', 'no signature: one line'],
  ['a text', async () => 'Signed!', 'no signature: one line'],
  ['escapes', async () => '\u001b[2J\u001b]0;x\u0007', 'no signature: one line'],
  [
    'two signatures',
    async () => `${(await KEY.signPersonalMessage(MESSAGE)).signature}\n`.repeat(2),
    'one line',
  ],
  ['base64 of no signature', async () => 'AAAA', 'is no signature of this'],
  ['a scheme that is not known', async () => 'CQAA', 'is no signature of this'],
  [
    "another key's",
    async () => (await new Ed25519Keypair().signPersonalMessage(MESSAGE)).signature,
    'is no signature',
  ],
  [
    'one of something else',
    async () => (await KEY.signPersonalMessage(Buffer.from('pay'))).signature,
    'is no signature',
  ],
  ['one of a transaction', async () => (await KEY.signTransaction(MESSAGE)).signature, 'is no signature'],
  ['zkLogin', async () => Buffer.from([5, 1, 2, 3]).toString('base64'), 'zkLogin'],
])('a program that prints %s is refused', async (_what, output, why) => {
  await expect(sign(await printing(await output()))).rejects.toMatchObject({
    code: 'wallet',
    message: expect.stringContaining(why),
  });
});

test('a program that fails, is not there or prints without end is refused', async () => {
  await expect(sign('exit 3')).rejects.toThrow('exit code 3');
  await expect(sign('kill -TERM $$')).rejects.toThrow('SIGTERM');
  await expect(sign(join(directory, 'none'))).rejects.toThrow('exit code 127');
  await expect(sign('yes')).rejects.toThrow('printed more than');
});

test('a program that does not end is called off, with what it started', async () => {
  await expect(sign('sleep 600', 200)).rejects.toThrow('no signature in 0.2 s');
  await expect(sign('sleep 30 & wait', 200)).rejects.toThrow('no signature in 0.2 s');
});

test('what it tells a person is shown, escaped and not without end', async () => {
  const told: string[] = [];
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => told.push(String(text)) > 0);
  await expect(sign("printf 'press \\033[2J\\n' >&2; yes | head -c 100000 >&2; exit 1")).rejects.toThrow();
  write.mockRestore();
  expect(told[0]).toBe('sign-with: press \\u001b[2J\n');
  expect(told.join('').length).toBeLessThan(300_000);
});
