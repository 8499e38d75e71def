import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCgroup, hierarchies, members, removeCgroup } from './cgroup.ts';
import { VmError } from './error.ts';
import { createInternet, removeInternet, visitsIn } from './internet.ts';
import { gatewayOf, internetOf, linkExists, siteOf, type VmNetwork } from './network.ts';
import { addressOf, type Connection, connect, disconnect, type Place, reconnect } from './place.ts';
import type { Visit } from './played-hosts.ts';
import {
  DEFAULT_DIRECTORY,
  listRecords,
  readRecord,
  removeRecord,
  type VmRecord,
  writeRecord,
} from './record.ts';
import { changeAddress, rebootRouter } from './router.ts';

/*
 * A worker VM without a hypervisor. What keeps it together is its first process:
 *
 *   cgroup /NAME in every hierarchy
 *   └─ sh init.sh            PID 1 of its own mount, net, pid, uts, ipc and cgroup namespaces
 *      ├─ worker agent, k3s agent, containerd, shims, pods …
 *      └─ eth0 ── its router, where it has one ── the internet (internet.ts)
 *
 * Killing PID 1 makes the kernel kill the rest and drop every mount, namespace and link. What remains
 * are cgroups, the disk and a record, all found by name: so removal needs nothing but the name.
 */

/** What a worker VM is made from. */
export interface WorkerVmOptions {
  /** Host name and cgroup name: a DNS label of at most 11 characters. */
  name: string;
  /** An existing network, see `startVmNetwork`. */
  network: VmNetwork;
  /** Number of the VM within its network, 1 to 31; its public address follows from it. */
  number: number;
  /** Where in the internet it stands; with a public address unless given. */
  place?: Place;
  /** Where records and disks are kept. */
  directory?: string;
}

/** A running worker VM. */
export interface WorkerVm {
  name: string;
  /** Its own IPv4 address: public, or of its router's LAN. */
  address: string;
  /** This machine's address as the VM sees it. */
  gateway: string;
  /** Directory that holds the VM's own /run, /var/lib/k3s and so on. */
  disk: string;
  /** Process id, on this machine, of the VM's first process. */
  pid: number;
}

type Recorded = VmRecord & { kind: 'vm' };

/** Creates a network and records it, so that `removeAll` finds it. */
export async function startVmNetwork(network: VmNetwork, directory = DEFAULT_DIRECTORY): Promise<void> {
  gatewayOf(network);
  if (await linkExists(network.name))
    throw new VmError('exists', `Cannot create network ${network.name}: a link of that name exists`);
  await writeRecord(directory, { kind: 'network', network });
  try {
    await createInternet(network, diskOf(directory, network.name));
  } catch (error) {
    await stopVmNetwork(network.name, directory);
    throw error;
  }
}

/** Removes a network and its record; what is already gone is not an error. */
export async function stopVmNetwork(name: string, directory = DEFAULT_DIRECTORY): Promise<void> {
  await removeInternet(name, diskOf(directory, name));
  await removeRecord(directory, name);
}

/**
 * Boots a worker VM. Needs root.
 * @throws VmError `exists` when the name is taken, `boot` when its first process fails
 */
export async function createWorkerVm(options: WorkerVmOptions): Promise<WorkerVm> {
  const { name, network, number, place = { nat: 'none' }, directory = DEFAULT_DIRECTORY } = options;
  if (!/^[a-z0-9]([a-z0-9-]{0,9}[a-z0-9])?$/.test(name))
    throw new VmError('invalid', `Cannot name a VM ${name}: give a DNS label of at most 11 characters`);
  siteOf(network, number);
  await refuseTaken(name);
  const record = { kind: 'vm', name, network, number, place } as const;
  await writeRecord(directory, record);
  try {
    await boot(record, directory);
    const pid = await firstProcess(name);
    await connect(connectionOf(record, directory), pid);
    return describe(record, directory, pid);
  } catch (error) {
    await removeWorkerVm(name, directory);
    throw error;
  }
}

/**
 * Ends all that runs in a VM, at once, and boots it again on its disk, as after a power failure.
 * @throws VmError `missing` when there is no such VM, `boot` when its first process fails
 */
export async function rebootWorkerVm(name: string, directory = DEFAULT_DIRECTORY): Promise<WorkerVm> {
  const record = await recordOf(name, directory);
  await removeCgroup(name);
  await rm(join(diskOf(directory, name), 'run'), { recursive: true, force: true }); // as memory is, on a real machine
  await boot(record, directory);
  const pid = await firstProcess(name);
  await reconnect(connectionOf(record, directory), pid);
  return describe(record, directory, pid);
}

/** Finds a VM that another process created; undefined when there is none or it does not run. */
export async function findWorkerVm(
  name: string,
  directory = DEFAULT_DIRECTORY,
): Promise<WorkerVm | undefined> {
  const record = await readRecord(directory, name);
  if (record?.kind !== 'vm' || (await members(name)).length === 0) return undefined;
  return describe(record, directory, await firstProcess(name));
}

/** Kills and removes a VM with its router, complete or half made; what is already gone is not an error. */
export async function removeWorkerVm(name: string, directory = DEFAULT_DIRECTORY): Promise<void> {
  const record = await readRecord(directory, name);
  await removeCgroup(name);
  if (record?.kind === 'vm') await disconnect(connectionOf(record, directory));
  await rm(diskOf(directory, name), { recursive: true, force: true });
  await removeRecord(directory, name);
}

/**
 * Switches the router of a VM off, and on again after `downMs`: it knows none of the connections of before.
 * @throws VmError `missing` when there is no such VM or it has no router
 */
export async function rebootRouterOf(
  name: string,
  downMs: number,
  directory = DEFAULT_DIRECTORY,
): Promise<void> {
  const { router } = connectionOf(await recordOf(name, directory), directory);
  await rebootRouter(router, downMs);
}

/**
 * Gives the router of a VM another public address.
 * @returns the address
 * @throws VmError `missing` when there is no such VM or it has no router
 */
export async function changeAddressOf(name: string, directory = DEFAULT_DIRECTORY): Promise<string> {
  const { router } = connectionOf(await recordOf(name, directory), directory);
  return changeAddress(router);
}

/** Who came, so far, to what stands on the LAN of a VM's router: the router, the provider's hosts, the metadata address. */
export function visitsOnLan(name: string, directory = DEFAULT_DIRECTORY): Promise<Visit[]> {
  return visitsIn(diskOf(directory, routerOf(name)));
}

/** Who came, so far, to what stands beyond the routers: the internet's server, and all hosts of providers there. */
export function visitsOnInternet({ name }: VmNetwork, directory = DEFAULT_DIRECTORY): Promise<Visit[]> {
  return visitsIn(diskOf(directory, name));
}

/** Removes every VM and network recorded in a directory, whoever created them. */
export async function removeAll(directory = DEFAULT_DIRECTORY): Promise<void> {
  const records = await listRecords(directory);
  for (const record of records) if (record.kind === 'vm') await removeWorkerVm(record.name, directory);
  for (const record of records)
    if (record.kind === 'network') await stopVmNetwork(record.network.name, directory);
}

/**
 * Starts a program inside a VM, as a child of this process: ending the child by a signal ends the program
 * only when the program follows its parent, so `hostPidOf` finds the one to signal.
 */
export async function spawnInVm(
  vm: WorkerVm,
  argv: string[],
  options: SpawnOptions = {},
): Promise<ChildProcess> {
  const entries = (await hierarchies()).map(({ mountPoint, version }) =>
    join(mountPoint, vm.name, version === 2 ? 'init' : '', 'cgroup.procs'),
  );
  const enter = ['nsenter', '-t', `${vm.pid}`, '-m', '-n', '-p', '-u', '-i', '-C', '--', ...argv];
  const script = `for procs in ${entries.join(' ')}; do echo $$ >"$procs"; done; exec "$@"`;
  return spawn('sh', ['-euc', script, 'sh', ...enter], options);
}

/**
 * Runs a program inside a VM to its end and returns its standard output.
 * @throws VmError `command` when it fails
 */
export async function runInVm(vm: WorkerVm, argv: string[]): Promise<string> {
  const child = await spawnInVm(vm, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const code = await new Promise((resolve, reject) => child.once('close', resolve).once('error', reject));
  if (code !== 0)
    throw new VmError('command', `Cannot run ${argv.join(' ')} in ${vm.name}: ${stderr().trim()}`);
  return stdout();
}

/** Process id, on this machine, of the program that `spawnInVm` started; undefined once it has ended. */
export async function hostPidOf(child: ChildProcess): Promise<number | undefined> {
  for (let attempt = 0; attempt < 100 && child.exitCode === null && child.signalCode === null; attempt++) {
    const children = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').catch(() => '');
    const [pid] = children.trim().split(' ').filter(Boolean);
    if (pid !== undefined) return Number(pid);
    await sleep(10);
  }
  return undefined;
}

async function refuseTaken(name: string): Promise<void> {
  if ((await members(name)).length > 0)
    throw new VmError('exists', `Cannot create VM ${name}: its cgroup holds processes, remove it first`);
}

async function boot({ name, network }: Recorded, directory: string): Promise<void> {
  const disk = diskOf(directory, name);
  await mkdir(disk, { recursive: true });
  const entries = await createCgroup(name);
  const log = openSync(join(disk, 'boot.log'), 'a');
  const script = join(import.meta.dirname, 'boot.sh');
  const child = spawn('sh', [script, name, disk, internetOf(network).resolver, ...entries], {
    detached: true,
    stdio: ['ignore', 'pipe', log],
  });
  closeSync(log);
  await untilReady(child, name, disk);
  child.unref();
}

async function untilReady(child: ChildProcess, name: string, disk: string): Promise<void> {
  const said = collect(child.stdout);
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', () => said().includes('ready\n') && resolve());
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (said().includes('ready\n')) return child.stdout?.destroy() && undefined;
  const log = await readFile(join(disk, 'boot.log'), 'utf8');
  throw new VmError('boot', `Cannot boot VM ${name}: ${log.trim() || 'its first process ended'}`);
}

// The one member of the group that is PID 1 in its own namespace.
async function firstProcess(name: string): Promise<number> {
  for (const pid of await members(name)) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    if (/^NSpid:\s+\d+\s+1$/m.test(status)) return pid;
  }
  throw new VmError('missing', `Cannot find the first process of VM ${name}: it has ended`);
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  let text = '';
  stream?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return () => text;
}

function diskOf(directory: string, name: string): string {
  return join(directory, `${name}.disk`);
}

async function recordOf(name: string, directory: string): Promise<Recorded> {
  const record = await readRecord(directory, name);
  if (record?.kind !== 'vm') throw new VmError('missing', `Cannot find VM ${name}: it does not exist`);
  return record;
}

function describe(record: Recorded, directory: string, pid: number): WorkerVm {
  const { name, network } = record;
  const address = addressOf(connectionOf(record, directory));
  return { name, address, gateway: gatewayOf(network), disk: diskOf(directory, name), pid };
}

function connectionOf({ name, network, number, place }: Recorded, directory: string): Connection {
  const router = { name: routerOf(name), network, number, disk: diskOf(directory, routerOf(name)) };
  return { network, number, place, router };
}

function routerOf(name: string): string {
  return `${name}-router`;
}
