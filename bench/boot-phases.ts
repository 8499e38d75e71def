import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from '@daasvader/testbed/cluster/cluster.ts';

/** A part of the boot, in ms since power-on. */
export interface Phase {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

interface Line {
  readonly time: string | number;
  readonly msg: string;
  readonly step?: string;
  /** Seconds since PID 1 was started, in its first line. */
  readonly uptime?: number;
}

/**
 * How the enclave's newest boot went, one phase after the other, from the host's log and the enclave's. The enclave's
 * clock, which its security module sets, is within a second of the host's.
 */
export async function bootPhases(cluster: Cluster): Promise<Phase[]> {
  const powered = (await lines(join(cluster.directory, 'host-proxy.log'))).findLast(
    ({ msg }) => msg === 'powered the machine on',
  );
  const enclave = await lines(join(cluster.stateDir, 'console.log'));
  const first = enclave.findLastIndex(({ msg }) => msg === 'boot: init');
  const init = enclave[first];
  if (powered === undefined || init?.uptime === undefined)
    throw new Error('Cannot tell the boot phases: a log does not have the boot');
  const on = msOf(powered);
  const marks = enclave
    .slice(first)
    .filter(({ msg }) => msg.startsWith('boot: '))
    .map((line) => [nameOf(line), msOf(line) - on] as const);
  const started = msOf(init) - init.uptime * 1_000 - on;
  return toPhases([['machine and kernel', started], ...marks]);
}

/** The enclave's first words come when its modules are loaded. */
function nameOf({ msg }: Line): string {
  const name = msg.slice('boot: '.length);
  return name === 'init' ? 'Node and its modules' : name;
}

/** Each phase ends at its mark and begins at the one before. */
function toPhases(marks: readonly (readonly [string, number])[]): Phase[] {
  return marks.map(([name, to], index) => ({ name, from: marks[index - 1]?.[1] ?? 0, to }));
}

function msOf({ time }: Line): number {
  return new Date(time).getTime();
}

/** The lines that are a whole JSON object with a message: the last one may be cut off. */
async function lines(file: string): Promise<Line[]> {
  const text = await readFile(file, 'utf8');
  return text.split('\n').flatMap((line) => {
    if (!line.startsWith('{') || !line.endsWith('}')) return [];
    const parsed = JSON.parse(line) as Partial<Line>;
    return parsed.msg === undefined ? [] : [parsed as Line];
  });
}
