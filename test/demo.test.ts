import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { watchHost } from './support/left-on-host.ts';
import { startProgram } from './support/program.ts';

const MAIN = resolve(import.meta.dirname, '../demo/main.ts');
const INTERRUPTIONS = 10;
/** A warm demo takes some forty seconds: moments are spread over all of it. */
const LATEST_MS = 35_000;

const startDemo = () => startProgram(process.execPath, '--disable-warning=ExperimentalWarning', MAIN);

test('the demo serves pages from pods on two machines, and leaves the machine as it was', async () => {
  const changes = await watchHost();
  const { code, output } = await startDemo().ended;
  expect(code, output).toBe(0);
  expect(output).toMatch(/hello, [0-9a-f]{16}/);
  expect(output).toMatch(/COMPLETED/);
  expect(output).toMatch(/HTTP 200 +\d+/);
  expect(output).toMatch(/hello from behind NAT, [0-9a-f]{16}/);
  expect(await changes()).toEqual([]);
});

test('Ctrl-C at ten random moments leaves the machine as it was', { timeout: 900_000 }, async () => {
  const changes = await watchHost();
  for (let run = 0; run < INTERRUPTIONS; run++) {
    const moment = Math.round(Math.random() * LATEST_MS);
    console.log(`interrupting the demo after ${moment} ms`);
    const { child, ended } = startDemo();
    await Promise.race([sleep(moment), ended]);
    child.kill('SIGINT');
    const { code, output } = await ended;
    expect([0, 130], `after ${moment} ms:\n${output}`).toContain(code);
    expect(await changes(), `after ${moment} ms`).toEqual([]);
  }
});

test('a second demo says that one runs already, and does not disturb it', async () => {
  const first = startDemo();
  await first.told('A chain, the contracts');
  const second = await startDemo().ended;
  expect(second).toMatchObject({ code: 1, output: expect.stringContaining('the demo runs as process') });
  const { code, output } = await first.ended;
  expect(code, output).toBe(0);
});
