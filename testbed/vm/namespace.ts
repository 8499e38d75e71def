import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { createCgroup, hierarchies, members, removeCgroup } from './cgroup.ts';
import { command } from './command.ts';
import { VmError } from './error.ts';

/*
 * A network namespace that a process holds, in a cgroup of its name. It is found, entered and removed by that name, and
 * with its processes go its links, rules and addresses.
 */

/** Makes an empty one. Its loopback is up, it forwards, and it has no IPv6. */
export async function createNamespace(name: string): Promise<void> {
  const entries = await createCgroup(name);
  const hold = `${entering(entries)}; exec unshare --net sh -c 'echo ready; exec sleep infinity'`;
  const holder = spawn('sh', ['-euc', hold], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  await untilSpeaks(holder, `hold network namespace ${name}`);
  await inNamespace(
    name,
    `ip link set lo up
     echo 1 >/proc/sys/net/ipv4/ip_forward
     [ ! -e /proc/sys/net/ipv6 ] || echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
     [ ! -e /proc/sys/net/ipv6 ] || echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6`,
  );
}

/** Ends what runs in one and removes it; without it, does nothing. */
export function removeNamespace(name: string): Promise<void> {
  return removeCgroup(name);
}

/**
 * Runs a shell script in the network of one.
 *
 * @returns its standard output
 * @throws VmError `missing` without it, `command` when the script fails
 */
export async function inNamespace(name: string, script: string): Promise<string> {
  return command('nsenter', '-t', `${await holderOf(name)}`, '-n', 'sh', '-euc', script);
}

/** Starts a program in one, which goes with it, and resolves when it has said something; what it says goes to `log`. */
export async function startInNamespace(name: string, argv: readonly string[], log: string): Promise<void> {
  const entries = (await hierarchies()).map(({ mountPoint }) => join(mountPoint, name, 'cgroup.procs'));
  const script = `${entering(entries)}; exec "$@"`; // when it is inside: whoever is in the cgroup is in the namespace
  const enter = ['-t', `${await holderOf(name)}`, '-n', 'sh', '-euc', script, 'sh', ...argv];
  const errors = openSync(log, 'a', 0o600);
  const child = spawn('nsenter', enter, { detached: true, stdio: ['ignore', 'pipe', errors] });
  closeSync(errors);
  await untilSpeaks(child, `start ${argv.join(' ')} in ${name}; see ${log}`);
}

/** A process of the namespace: all of them are in it. */
export async function holderOf(name: string): Promise<number> {
  const [pid] = await members(name);
  if (pid === undefined)
    throw new VmError('missing', `Cannot enter network namespace ${name}: it does not exist`);
  return pid;
}

function entering(entries: readonly string[]): string {
  return entries.map((procs) => `echo $$ >"${procs}"`).join('; ');
}

async function untilSpeaks(child: ChildProcess, what: string): Promise<void> {
  const spoke = once(child.stdout as Readable, 'data');
  const ended = once(child, 'exit').then(() => {
    throw new VmError('boot', `Cannot ${what}: the process ended`);
  });
  await Promise.race([spoke, ended]);
  child.stdout?.destroy();
  child.unref();
}
