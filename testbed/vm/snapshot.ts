import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command } from './command.ts';
import { startTimeOf } from './start-time.ts';

/** What a machine holds that a run of ours may leave behind, each entry one line of text. */
export interface HostSnapshot {
  /** `pid start-time command line` of each process, kernel threads apart. */
  processes: string[];
  mounts: string[];
  namespaces: string[];
  links: string[];
  routes: string[];
  firewall: string[];
  cgroups: string[];
  /** Kernel settings that Kubernetes likes to change. */
  settings: string[];
  /** Entries of the directory for temporary files whose name begins with `daasvader`. */
  temporaryFiles: string[];
}

/** One difference between two snapshots. */
export interface HostChange {
  area: keyof HostSnapshot;
  change: 'appeared' | 'vanished';
  entry: string;
}

const SETTINGS = [
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
  'net/ipv4/ip_forward',
  'net/netfilter/nf_conntrack_max',
  'vm/overcommit_memory',
  'vm/panic_on_oom',
];

/**
 * Records the machine's state, to be compared with `hostChanges` later. Needs root.
 * @param ours which command lines to record; all unless given, which on a busy machine shows other work too
 */
export async function snapshotHost(
  ours: (commandLine: string) => boolean = () => true,
): Promise<HostSnapshot> {
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  const [processes, namespaces, links, routes, firewall, cgroups, settings, temporaryFiles] =
    await Promise.all([
      listProcesses(ours),
      listNamespaces(),
      lines(command('ip', '-oneline', 'link', 'show')),
      lines(command('ip', 'route', 'show', 'table', 'all')),
      listFirewall(),
      listCgroups(mounts),
      listSettings(),
      readdir(tmpdir()).then((names) => names.filter((name) => name.startsWith('daasvader'))),
    ]);
  return {
    processes,
    mounts: mounts.trim().split('\n'),
    namespaces,
    links: links.map((link) => link.split(':')[1]?.trim() ?? link),
    routes,
    firewall,
    cgroups,
    settings,
    temporaryFiles,
  };
}

/** Lists what appeared and what vanished between two snapshots; empty when they agree. */
export function hostChanges(before: HostSnapshot, after: HostSnapshot): HostChange[] {
  const areas = Object.keys(before) as (keyof HostSnapshot)[];
  return areas.flatMap((area) => [
    ...without(after[area], before[area]).map((entry) => ({ area, change: 'appeared' as const, entry })),
    ...without(before[area], after[area]).map((entry) => ({ area, change: 'vanished' as const, entry })),
  ]);
}

// Counts matter: the same rule or mount twice is not the same as once.
function without(entries: string[], known: string[]): string[] {
  const rest = [...known];
  return entries.filter((entry) => {
    const index = rest.indexOf(entry);
    if (index >= 0) rest.splice(index, 1);
    return index < 0;
  });
}

async function listProcesses(ours: (commandLine: string) => boolean): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const described = await Promise.all(pids.map(describeProcess));
  return described.filter((line) => line !== undefined && ours(line)) as string[];
}

async function describeProcess(pid: string): Promise<string | undefined> {
  try {
    const commandLine = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim();
    const startTime = await startTimeOf(pid);
    return commandLine === '' || startTime === undefined ? undefined : `${pid} ${startTime} ${commandLine}`;
  } catch (error) {
    // The process ended while we looked.
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

// Namespaces are files bound somewhere; those of processes end with the processes.
async function listNamespaces(): Promise<string[]> {
  const listed = await lines(command('ip', 'netns', 'list'));
  return listed.map((line) => line.split(' ')[0] ?? line); // without the id, which is the kernel's choice
}

async function listFirewall(): Promise<string[]> {
  const saved = await Promise.all(['iptables-save', 'ip6tables-save'].map((tool) => lines(command(tool))));
  return saved
    .flat()
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.replace(/\[\d+:\d+\]/, ''));
}

async function listCgroups(mounts: string): Promise<string[]> {
  const roots = [...mounts.matchAll(/^\S+ (\S+) cgroup2? /gm)].map((match) => match[1] ?? '');
  const found = await Promise.all(
    roots.map((root) => lines(command('find', root, '-mindepth', '1', '-type', 'd'))),
  );
  return found.flat();
}

async function listSettings(): Promise<string[]> {
  const read = SETTINGS.map(async (name) => {
    const value = await readFile(join('/proc/sys', name), 'utf8').catch(() => 'absent');
    return `${name}=${value.trim()}`;
  });
  return Promise.all(read);
}

async function lines(text: Promise<string>): Promise<string[]> {
  return (await text).split('\n').filter(Boolean);
}
