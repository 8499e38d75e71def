import { join, resolve } from 'node:path';
import { clusterDirectory } from '@daasvader/testbed/cluster/directory.ts';
import { type HostChange, hostChanges, snapshotHost } from '@daasvader/testbed/vm/snapshot.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** What the command lines of all that a cluster consists of hold: programs, this clone's sources, its directory. */
const OURS = [
  ...['k3s agent', 'containerd --config', 'containerd-shim', clusterDirectory()],
  ...['cli', 'enclave', 'host-proxy', 'scripts', 'testbed', 'worker-agent'].map((part) => join(ROOT, part)),
];
const ours = (commandLine: string) => OURS.some((part) => commandLine.includes(part));

/** Looks at the machine now; what is given tells later what a cluster has left on it. */
export async function watchHost(): Promise<() => Promise<HostChange[]>> {
  const before = await snapshotHost(ours);
  return async () => hostChanges(before, await snapshotHost(ours));
}
