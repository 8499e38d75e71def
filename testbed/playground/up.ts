import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findHolder, type Playground } from '../cluster/machine-lock.ts';
import { WEB_PORT } from '../vm/image.ts';
import { ENV_FILE, LOG_FILE } from './environment.ts';
import { type PlaygroundOptions, readOptions, toArguments } from './options.ts';
import type { Message } from './supervisor.ts';

/*
 * Starts a playground in the background and shows how that goes. Exit code 0: it runs as asked for; 1: it does not;
 * 130: interrupted, and everything is torn down.
 */

const SUPERVISOR = join(import.meta.dirname, 'supervisor.ts');
const EXIT_INTERRUPTED = 130; // 128 + SIGINT, as shells have it

try {
  const options = readOptions(process.argv.slice(2));
  const holder = await findHolder();
  process.exitCode =
    holder?.playground === undefined ? await start(options) : tellRunning(options, holder.playground);
} catch (error) {
  process.stderr.write(`up: ${(error as Error).message}\n`);
  process.exitCode = 1;
}

/** @returns the exit code */
async function start(options: PlaygroundOptions): Promise<number> {
  const child = spawnSupervisor(options);
  let interrupted = false;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => {
      process.stderr.write(interrupted ? '\nup: still tearing down\n' : '\nup: tearing down\n');
      interrupted = true;
      child.kill('SIGTERM');
    });
  const outcome = await follow(child);
  if (interrupted) {
    if (outcome === 'ready') await once(child, 'exit'); // it was told to end just when it was ready
    return EXIT_INTERRUPTED;
  }
  if (outcome !== 'ready') {
    process.stderr.write(
      outcome === 'failed' ? '' : `up: it was ${outcome} before it was ready; bin/down cleans up\n`,
    );
    return 1;
  }
  child.disconnect();
  child.unref();
  process.stdout.write(nextSteps());
  return 0;
}

function spawnSupervisor(options: PlaygroundOptions): ChildProcess {
  mkdirSync(dirname(LOG_FILE), { recursive: true });
  const log = openSync(LOG_FILE, 'a', 0o600);
  const flags = ['--disable-warning=ExperimentalWarning'];
  // Detached: a session of its own, which Ctrl-C at this terminal and its end do not reach.
  return spawn(process.execPath, [...flags, SUPERVISOR, ...toArguments(options)], {
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  });
}

/** Shows what the supervisor tells, until it is ready or has ended; one that failed has told why. */
async function follow(child: ChildProcess): Promise<'ready' | 'failed' | 'ended' | 'killed'> {
  const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<typeof follow>>>();
  child.on('message', (message: Message) => {
    if ('ready' in message) resolve('ready');
    else process.stdout.write(message.text);
  });
  child.once('close', (code) => resolve(code === null ? 'killed' : code === 0 ? 'ended' : 'failed'));
  return promise;
}

function tellRunning(wanted: PlaygroundOptions, { workers, nitro, envFile }: Playground): number {
  const parts = `${workers} worker${workers === 1 ? '' : 's'}${nitro ? ', the enclave emulated' : ''}`;
  if (envFile === undefined) {
    process.stderr.write(
      `up: a playground (${parts}) is being started; wait for it, or end it with bin/down\n`,
    );
    return 1;
  }
  const isAsWanted = workers === wanted.workers && nitro === wanted.nitro;
  const change = isAsWanted ? '' : '; for another one, end it first with bin/down';
  process.stdout.write(`A playground runs already (${parts})${change}.\n\n   . ${envFile}\n`);
  return isAsWanted ? 0 : 1;
}

function nextSteps(): string {
  return `
The playground runs. In this shell, or in another one as the same user:

   . ${ENV_FILE}
   bin/daas status
   bin/daas deploy hello --image "$DAAS_IMAGE" --port ${WEB_PORT} --wait 60
   bin/daas requests
   bin/kubectl get pods

bin/down ends it.
`;
}
