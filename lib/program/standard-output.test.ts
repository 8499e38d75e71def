import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';

const MODULE = JSON.stringify(import.meta.resolve('./standard-output.ts'));
const COMMAND = `
  import { endOnBrokenOutput } from ${MODULE};
  endOnBrokenOutput('tool');
  for (let i = 0; i < 10_000; i += 1) process.stdout.write('x'.repeat(1_000));
`;
const DAEMON = `
  import { logOutput } from ${MODULE};
  for (let i = 0; i < 10; i += 1) logOutput.write('line\\n');
  console.error('alive');
`;

/** Runs a program with its output on a full disk, or on a pipe that nobody reads; gives exit code and standard error. */
async function run(program: string, output: 'full disk' | 'closed pipe'): Promise<unknown[]> {
  const stdout = output === 'full disk' ? openSync('/dev/full', 'w') : 'pipe';
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', stdout, 'pipe'],
  });
  child.stdout?.destroy();
  const [said, [code]] = await Promise.all([text(child.stderr!), once(child, 'exit')]);
  return [code, said];
}

test.each([
  ['full disk', 'ENOSPC: no space left on device, write'],
  ['closed pipe', 'write EPIPE'],
] as const)('a command that prints to a %s ends with one line', async (output, reason) => {
  expect(await run(COMMAND, output)).toEqual([1, `tool: Cannot print: ${reason}\n`]);
});

test.each(['full disk', 'closed pipe'] as const)('a daemon that logs to a %s goes on', async (output) => {
  expect(await run(DAEMON, output)).toEqual([0, 'alive\n']);
});
