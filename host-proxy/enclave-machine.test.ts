import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EnclaveMachine } from './enclave-machine.ts';
import { Metrics } from './metrics.ts';

/** Powers on, prints, and is off at once the first time. */
const PROGRAM = `
import { existsSync, writeFileSync } from 'node:fs';
const mark = process.argv[process.argv.indexOf('--image') + 1];
const isFirst = !existsSync(mark);
writeFileSync(mark, String(process.pid));
process.stdout.write(isFirst ? 'first boot\\n' : 'second boot\\n');
process.send({ moduleId: 'i-1-enc1' });
if (isFirst) process.send({ cause: 'halted', reason: 'the guest ended the machine' }, () => process.exit(0));
process.on('disconnect', () => process.exit(0));
`;

let dir: string;
let metrics: Metrics;
let machine: EnclaveMachine;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'machine-'));
  metrics = new Metrics();
});

afterEach(async () => {
  await machine.stop();
  await rm(dir, { recursive: true });
});

async function start(program: string, log = pino({ level: 'silent' })): Promise<void> {
  await writeFile(join(dir, 'machine.mjs'), program);
  const size = { memoryMib: 64, cpus: 1, cid: 4 };
  const paths = {
    stateDir: dir,
    vsock: join(dir, 'v'),
    image: join(dir, 'mark'),
    entry: join(dir, 'machine.mjs'),
  };
  machine = new EnclaveMachine({ ...size, ...paths }, metrics, log);
}

const starts = async () => (await metrics.enclaveStarts.get()).values[0]?.value;
const console = () => readFile(join(dir, 'machine.log'), 'utf8');

test('a machine that ended is powered on again, and each console is kept', async () => {
  await start(PROGRAM);
  await expect.poll(starts, { timeout: 10_000 }).toBe(2);
  await expect.poll(console).toBe('first boot\nsecond boot\n');
});

test('stop() cuts the power and boots no other', async () => {
  await start(PROGRAM);
  await expect.poll(starts, { timeout: 10_000 }).toBe(2);
  const pid = Number(await readFile(join(dir, 'mark'), 'utf8'));
  await machine.stop();
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  expect(await starts()).toBe(2);
});

test('a machine that cannot be powered on is said to have failed', async () => {
  const lines: string[] = [];
  await start('process.exit(1)', pino({}, { write: (line: string) => void lines.push(line) }));
  await expect.poll(() => lines.join(), { timeout: 10_000 }).toContain('the emulator exited with 1');
  expect(await starts()).toBe(0);
});
