import { parseArgs } from 'node:util';
import { reasonOf } from '@daasvader/program/reason.ts';
import { Machine } from './machine.ts';
import { loadRoot } from './pki.ts';
import { buildPrograms } from './programs.ts';

// Powers one machine on and ends with it. Standard output is the machine's console. Who starts this program with an IPC
// channel is told `{moduleId}` when the power is on, then a `MachineExit`; the power is cut when the channel closes.

let machine: Machine | undefined;
// What builds programs or boots now ends with this process.
const end = () => void (machine === undefined ? process.exit() : machine.stop());
process.on('SIGTERM', end).on('SIGINT', end).on('disconnect', end);

try {
  const { stateDir, ...options } = readOptions(process.argv.slice(2));
  const programs = await buildPrograms();
  const root = await loadRoot(stateDir, Date.now());
  const onConsole = (bytes: Buffer) => void process.stdout.write(bytes);
  machine = await Machine.boot({ ...options, programs, root, onConsole });
  tell({ moduleId: machine.moduleId });
  tell(await machine.exited);
} catch (error) {
  process.stderr.write(`Cannot run the machine: ${reasonOf(error)}\n`);
  process.exitCode = 1;
}
if (process.connected) process.disconnect();

/** Whoever listened may be gone meanwhile. */
function tell(news: object): void {
  if (process.connected) process.send!(news);
}

function readOptions(args: string[]) {
  const text = { type: 'string' } as const;
  const options = { 'state-dir': text, vsock: text, image: text, 'memory-mib': text, cpus: text, cid: text };
  const { values } = parseArgs({ args, options });
  const given = (name: keyof typeof options) => {
    if (values[name] !== undefined) return values[name];
    throw new Error(
      `--${name} is missing; ${Object.keys(options)
        .map((each) => `--${each}`)
        .join(', ')} are needed`,
    );
  };
  return {
    stateDir: given('state-dir'),
    vsock: given('vsock'),
    image: given('image'),
    memoryMib: Number(given('memory-mib')),
    cpus: Number(given('cpus')),
    cid: Number(given('cid')),
  };
}
