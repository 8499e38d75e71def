import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { VmError } from './error.ts';

/** One mounted cgroup hierarchy: each v1 controller has its own, v2 has one for all. */
export interface Hierarchy {
  mountPoint: string;
  version: 1 | 2;
}

/** Lists the mounted hierarchies, v1, v2 or both (hybrid). */
export async function hierarchies(): Promise<Hierarchy[]> {
  const mounts = await readFile('/proc/mounts', 'utf8');
  return mounts.split('\n').flatMap((line) => {
    const [, mountPoint, type] = line.split(' ');
    if (mountPoint === undefined || (type !== 'cgroup' && type !== 'cgroup2')) return [];
    return [{ mountPoint, version: type === 'cgroup' ? 1 : 2 } as const];
  });
}

/**
 * Creates the group `name` at the root of every hierarchy.
 * @returns the `cgroup.procs` files through which a process enters it everywhere
 */
export async function createCgroup(name: string): Promise<string[]> {
  const entries: string[] = [];
  for (const { mountPoint } of await hierarchies()) {
    const group = join(mountPoint, name);
    await mkdir(group, { recursive: true });
    await inheritCpuset(mountPoint, group);
    entries.push(join(group, 'cgroup.procs'));
  }
  return entries;
}

// A v1 cpuset starts empty and refuses every process until it has CPUs and memory nodes.
async function inheritCpuset(parent: string, group: string): Promise<void> {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    if (!existsSync(join(parent, file))) continue;
    await writeFile(join(group, file), await readFile(join(parent, file)));
  }
}

/**
 * Kills every process in the group `name` or below it and removes the groups; without any, does nothing.
 * @throws VmError `stuck` when processes outlive `timeoutMs`
 */
export async function removeCgroup(name: string, timeoutMs = 20_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const groups = await groupsBelow(name);
    if (groups.length === 0) return;
    const pids = await killMembers(groups);
    await Promise.all(groups.map(removeEmpty));
    if (Date.now() > deadline)
      throw new VmError('stuck', `Cannot remove cgroup ${name}: still holds ${pids}`);
    await sleep(20);
  }
}

/** Lists the directories of the group `name` and all groups below it, deepest first, in every hierarchy. */
export async function groupsBelow(name: string): Promise<string[]> {
  const found = await Promise.all((await hierarchies()).map((h) => descend(join(h.mountPoint, name))));
  return found.flat();
}

/** Lists the process ids in the group `name` and below it. */
export async function members(name: string): Promise<number[]> {
  const lists = await Promise.all((await groupsBelow(name)).map(processesOf));
  return [...new Set(lists.flat())];
}

async function descend(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(absentIs([]));
  const below = await Promise.all(
    entries.filter((entry) => entry.isDirectory()).map((entry) => descend(join(directory, entry.name))),
  );
  return existsSync(directory) ? [...below.flat(), directory] : below.flat();
}

async function processesOf(group: string): Promise<number[]> {
  const text = await readFile(join(group, 'cgroup.procs'), 'utf8').catch(absentIs(''));
  return text.split('\n').filter(Boolean).map(Number);
}

async function killMembers(groups: string[]): Promise<number[]> {
  const pids = [...new Set((await Promise.all(groups.map(processesOf))).flat())].filter((pid) => pid > 0);
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  return pids;
}

async function removeEmpty(group: string): Promise<void> {
  await rmdir(group).catch((error: NodeJS.ErrnoException) => {
    // The caller tries again until its processes and the groups below are gone.
    if (error.code !== 'EBUSY' && error.code !== 'ENOTEMPTY' && error.code !== 'ENOENT') throw error;
  });
}

// Groups vanish under our eyes while their processes die.
function absentIs<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT' || error.code === 'ENODEV') return value;
    throw error;
  };
}
