import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatTable } from '@daasvader/cli/output.ts';
import type { Cluster } from '@daasvader/testbed/cluster/cluster.ts';

/** Steps of the enclave's boot that a person waits for, and what they mean. */
const STEPS: Record<string, string> = {
  pulse: 'enclave answers',
  'k3s ready': 'API ready',
  registration: 'registered on chain',
  seat: 'seated',
  lead: 'leads',
  'admit workers': 'workers let in',
};

/**
 * When the machine's boot came how far, from power-on.
 *
 * @param later what happened after the boot, ms since 1970
 */
export async function bootTimes(cluster: Cluster, later: Record<string, number> = {}): Promise<string> {
  const host = await entries(join(cluster.directory, 'host-proxy.log'));
  const enclave = await entries(join(cluster.stateDir, 'console.log'));
  const on = host.findLast(({ msg }) => msg === 'powered the machine on');
  if (on === undefined) throw new Error('Cannot tell the boot times: the machine was not powered on');
  const steps = enclave
    .filter(({ step, time }) => step !== undefined && step in STEPS && time >= on.time)
    .map(({ step, time }): [string, number] => [STEPS[step ?? ''] ?? '', time]);
  const rows = [...steps, ...Object.entries(later)].map(([what, time]) => [
    what,
    ((time - on.time) / 1_000).toFixed(1),
  ]);
  return formatTable(['AFTER POWER-ON', 'S'], rows);
}

interface Entry {
  /** ms since 1970 */
  readonly time: number;
  readonly msg?: string;
  readonly step?: string;
}

/** The lines of a log that are JSON; time is a number or ISO 8601 there. */
async function entries(file: string): Promise<Entry[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line.startsWith('{'));
  return lines.flatMap((line) => {
    try {
      const entry = JSON.parse(line);
      return [{ ...entry, time: new Date(entry.time).getTime() }];
    } catch {
      return []; // cut off in the middle
    }
  });
}
