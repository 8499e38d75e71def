import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { z } from 'zod';
import { WorkerError } from './error.ts';
import { writePrivate } from './keys.ts';

const STOP_GRACE_MS = 20_000;
/** Ids from 2 on: 1 is nobody's child, and 0 and negative ones would be whole groups. */
const orphanSchema = z.object({ pid: z.int().min(2), startTime: z.string().min(1) });

/** How `k3s agent` is started. */
export interface K3sOptions {
  binary: string;
  masterEndpoint: string;
  bootstrapKubeconfig: string;
  nodeId: string;
  address: string;
  /** UDP port where other nodes reach this one. */
  overlayPort: number;
  dataDir: string;
  /** The attested ranges of pods and of Services: the node refuses addresses beyond them. */
  clusterCidr: string;
  serviceCidr: string;
  /** File that names the running child, so that a restarted agent finds it. */
  pidFile: string;
  log: Logger;
}

/** A running `k3s agent`. */
export interface K3sAgent {
  /** Resolves when it has ended, with a description such as `exit code 1`. */
  ended: Promise<string>;
  /** Asks it to stop, then makes it. Pods keep running. */
  stop(): Promise<void>;
}

/**
 * Starts `k3s agent` with its output in the log, after stopping one that an earlier process left running.
 * @throws WorkerError `k3s` when the program cannot be started
 */
export async function startK3s(options: K3sOptions): Promise<K3sAgent> {
  await stopOrphan(options.pidFile);
  const child = spawn(options.binary, k3sArguments(options), { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = endOf(child).finally(() => rm(options.pidFile, { force: true }));
  await started(child, options.binary);
  try {
    const startTime = await startTimeOf(child.pid ?? 0);
    await writePrivate(options.pidFile, JSON.stringify({ pid: child.pid, startTime }));
  } catch (error) {
    await stop(child, ended); // nobody could find it any more
    throw error;
  }
  for (const stream of [child.stdout, child.stderr])
    if (stream !== null)
      createInterface({ input: stream }).on('line', (line) => options.log.info({ k3s: line }, 'k3s'));
  return { ended, stop: () => stop(child, ended) };
}

/** Removes what ties the node to a former control plane: its credentials and its network, not its containers. */
export async function forgetControlPlane(dataDir: string): Promise<void> {
  for (const path of NODE_CREDENTIALS) await rm(join(dataDir, path), { recursive: true, force: true });
}

/** What `k3s agent` keeps of the control plane that it joined, within its data directory. */
const NODE_CREDENTIALS = ['agent/pki', 'agent/kubelet.kubeconfig', 'agent/network.json', 'agent/overlay'];

/** Where `k3s agent` tells Prometheus of the node's network. */
export const NODE_METRICS = 'http://127.0.0.1:10249/metrics';

/** The node's own credential, once the kubelet has one. */
export function nodeKubeconfig(dataDir: string): string {
  return join(dataDir, 'agent/kubelet.kubeconfig');
}

/** Where `k3s agent` keeps what users store, an image for each volume. */
export function volumesFolder(dataDir: string): string {
  return join(dataDir, 'agent/volumes');
}

/** The names of the users' volumes on this machine; none before the agent has run. */
export function volumesIn(dataDir: string): string[] {
  const folder = volumesFolder(dataDir);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.img'))
    .map((name) => name.replace(/\.img$/, ''));
}

function k3sArguments(options: K3sOptions): string[] {
  return [
    'agent',
    ...['--server', options.masterEndpoint],
    ...['--bootstrap-kubeconfig', options.bootstrapKubeconfig],
    ...['--node-name', options.nodeId],
    ...['--node-ip', options.address],
    ...['--overlay-port', String(options.overlayPort)],
    ...['--data-dir', options.dataDir],
    ...['--cluster-cidr', options.clusterCidr],
    ...['--service-cidr', options.serviceCidr],
  ];
}

async function started(child: ChildProcess, binary: string): Promise<void> {
  try {
    await once(child, 'spawn');
  } catch (cause) {
    throw new WorkerError('k3s', `Cannot start ${binary}: ${(cause as Error).message}`, { cause });
  }
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
  });
}

async function stop(child: ChildProcess, ended: Promise<string>): Promise<void> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
  await ended;
  clearTimeout(timer);
}

/**
 * Stops the child of a worker agent that was killed, if it still runs: two kubelets on one node must never be,
 * nor one that belongs to a control plane which nobody verifies any more.
 */
export async function stopOrphan(pidFile: string): Promise<void> {
  const orphan = await readPidFile(pidFile);
  if (orphan === undefined) return;
  const deadline = performance.now() + STOP_GRACE_MS;
  while ((await startTimeOf(orphan.pid)) === orphan.startTime) {
    signal(orphan.pid, performance.now() < deadline ? 'SIGTERM' : 'SIGKILL');
    await sleep(200);
  }
}

// One that is empty or damaged, as a full disk or a power loss leaves it, names nobody.
async function readPidFile(file: string): Promise<{ pid: number; startTime: string } | undefined> {
  try {
    return orphanSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
}

// It may end between the look and the signal.
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

// Process ids are used again; with the start time, field 22 in proc(5), they are unique.
async function startTimeOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' ? undefined : fields[18];
}
