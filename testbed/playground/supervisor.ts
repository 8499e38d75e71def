import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster } from '../cluster/cluster.ts';
import { ClusterDirectory } from '../cluster/directory.ts';
import { buildImage } from '../cluster/enclave-image.ts';
import { findK3s } from '../cluster/k3s.ts';
import { Narrator } from '../cluster/narrator.ts';
import { joinWorker, stakeUser, startCluster } from '../cluster/steps.ts';
import type { User } from '../cluster/user.ts';
import { buildWebImage } from '../vm/image.ts';
import { IMAGE, removeEnvironment, writeEnvironment } from './environment.ts';
import { type PlaygroundOptions, readOptions } from './options.ts';

/*
 * The process that a playground hangs on, in a session of its own. It owns every part and ends them all when it is
 * told to (SIGTERM), when the start fails, and when who started it is gone before the start is done.
 */

/** A credential lasts ten minutes; one that could not be renewed is tried once more before. */
const RENEW_MS = 4 * 60_000;

/** What it says to the process that started it. */
export type Message = { readonly text: string } | { readonly ready: true };

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(name, () => stop.abort(new Error(`Cannot go on: got ${name}`)));
let isReady = false;
process.on('disconnect', () => {
  if (!isReady) stop.abort(new Error('Cannot go on: who started it is gone'));
});

try {
  await run(readOptions(process.argv.slice(2)));
} catch (error) {
  if (!stop.signal.aborted) {
    await tell(`\nup: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
process.exit();

async function run(options: PlaygroundOptions): Promise<void> {
  const claim = { what: 'a playground', toEnd: 'end it with bin/down', playground: options };
  await using directory = await ClusterDirectory.take(claim);
  await using _environment = { [Symbol.asyncDispose]: removeEnvironment };
  try {
    await using cluster = await Cluster.create({
      directory: directory.path,
      k3s: await findK3s(stop.signal),
      signal: stop.signal,
      ...(options.nitro && { image: await buildImage(stop.signal) }),
    });
    const user = await start(cluster, options.workers);
    const envFile = await writeEnvironment(cluster, user);
    await directory.announce({ ...claim, playground: { ...options, envFile } });
    await send({ ready: true });
    isReady = true;
    await renew(user);
  } catch (error) {
    if (!stop.signal.aborted) await tell(`\nup: the logs are in ${await directory.keepLogs()}\n`);
    throw error;
  }
}

async function start(cluster: Cluster, workers: number): Promise<User> {
  const narrator = new Narrator((text) => void tell(text));
  const image = await buildWebImage({ reference: IMAGE, page: 'hello from the playground\n' });
  await startCluster(cluster, narrator);
  for (let number = 1; number <= workers; number++)
    await (await joinWorker(cluster, narrator, number)).importImage(image);
  return stakeUser(cluster, narrator);
}

/** Keeps the user's credential fresh until the playground is to end. */
async function renew(user: User): Promise<void> {
  for (; !stop.signal.aborted; await sleep(RENEW_MS, undefined, { signal: stop.signal }).catch(() => {})) {
    await user.login().catch((error: Error) => {
      if (!stop.signal.aborted) console.error(`${new Date().toISOString()} ${error.message}`);
    });
  }
}

/** Tells the log, and who started it if that still listens. */
async function tell(text: string): Promise<void> {
  process.stdout.write(text);
  await send({ text });
}

async function send(message: Message): Promise<void> {
  if (process.connected) await new Promise((resolve) => process.send?.(message, resolve)); // it may have gone just now
}
