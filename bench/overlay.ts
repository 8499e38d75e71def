/**
 * What two pods on different nodes get of the overlay, beside bare wireguard-go between the same namespaces and no
 * encryption at all: one TCP connection, and round trips of one datagram. Straight and through a third node, which relays
 * the overlay's ciphertext (with and without its limit per peer), and decrypts and encrypts again where WireGuard is alone.
 */
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { resolve } from 'node:path';

const BUILD = resolve(import.meta.dirname, '../k3s/build');
const ROUNDS = 3;
/** What the overlay has to reach of bare wireguard-go's throughput, straight. */
const GOAL = 0.8;

interface Measured {
  readonly mibPerSecond: number;
  readonly p50: number;
  readonly p99: number;
}

const best = readAll(Array.from({ length: ROUNDS }, run).join(''));

process.stdout.write(`${cpus().length} × ${cpus()[0]?.model}, all nodes on it; best of ${ROUNDS}\n`);
process.stdout.write(`${''.padEnd(34)}  MiB/s   p50 µs   p99 µs   of wireguard-go\n`);
for (const way of ['direct', 'relayed']) {
  const bare = measured(`${way}/wireguard-go`);
  for (const [name, label] of [
    ['none', 'no encryption'],
    ['wireguard-go', 'wireguard-go'],
    ['overlay', 'overlay'],
    ['overlay-unlimited', 'overlay, relay unlimited'],
  ] as const) {
    if (way === 'direct' && name === 'overlay-unlimited') continue;
    const { mibPerSecond, p50, p99 } = measured(`${way}/${name}`);
    const ratio = (mibPerSecond / bare.mibPerSecond).toFixed(2);
    process.stdout.write(
      `${`${way}, ${label}`.padEnd(34)} ${mibPerSecond.toFixed(0).padStart(6)} ${p50.toFixed(0).padStart(8)} ${p99.toFixed(0).padStart(8)} ${ratio.padStart(11)}\n`,
    );
  }
}
const ratio = measured('direct/overlay').mibPerSecond / measured('direct/wireguard-go').mibPerSecond;
if (ratio < GOAL) {
  process.stderr.write(
    `The overlay carries ${ratio.toFixed(2)} of what bare wireguard-go does, less than ${GOAL}\n`,
  );
  process.exit(1);
}

/** Everything once: what the machine does beside it meets all alike. */
function run(): string {
  const { status, stdout, stderr } = spawnSync(
    BUILD,
    ['test', './overlay/', '-run', '^$', '-bench', 'Ways', '-benchtime', '1x', '-count', '1'],
    { encoding: 'utf8', maxBuffer: 1 << 26 },
  );
  if (status !== 0) throw new Error(`The benchmark in Go ended with ${status}: ${stderr}${stdout}`);
  return stdout;
}

/** The best of what `go test -bench` tells of each way; its lines may be torn by what nodes log. */
function readAll(text: string): Map<string, Measured> {
  const found = new Map<string, Measured>();
  for (const [, name = '', mib, p50, p99] of text.matchAll(
    /Ways\/([a-z/-]+?)-\d+\s[\s\S]*?([\d.]+) MiB\/s\s+([\d.]+) p50-µs\s+([\d.]+) p99-µs/g,
  )) {
    const before = found.get(name);
    found.set(name, {
      mibPerSecond: Math.max(Number(mib), before?.mibPerSecond ?? 0),
      p50: Math.min(Number(p50), before?.p50 ?? Infinity),
      p99: Math.min(Number(p99), before?.p99 ?? Infinity),
    });
  }
  return found;
}

function measured(name: string): Measured {
  const row = best.get(name);
  if (!row) throw new Error(`The benchmark in Go told nothing of ${name}`);
  return row;
}
