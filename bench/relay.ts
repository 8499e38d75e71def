/**
 * Throughput and CPU of the relay against `socat`, side by side in one run: TCP in, Unix socket out, the same sink, the
 * same block size. Node reads at most 64 KiB at once, so socat is told the same.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HybridGuest } from '@daasvader/vsock/hybrid-guest.ts';
import { ENCLAVE_PORT } from '@daasvader/vsock/ports.ts';

const BLOCK = 64 * 1024;
const BYTES = 2 ** 30;
const ROUNDS = 3;
/** USER_HZ of Linux on x86-64: the unit of CPU times in /proc/PID/stat. */
const TICKS_PER_SECOND = 100;

interface Measured {
  readonly name: string;
  readonly direction: 'in' | 'out';
  readonly mibPerSecond: number;
  readonly cpuSecondsPerGib: number;
}

if (spawnSync('socat', ['-V']).status !== 0) {
  process.stderr.write('Cannot compare the relay: socat is missing; apt-get install socat\n');
  process.exit(1);
}

const dir = await mkdtemp(join(tmpdir(), 'bench-'));
const block = Buffer.alloc(BLOCK, 0x5a);
const children: ChildProcess[] = [];
const guest = await HybridGuest.open(join(dir, 'v'));
await guest.listen(ENCLAVE_PORT.kubernetes, serve);
const plain = createServer({ allowHalfOpen: true }, serve).listen(join(dir, 'plain'));
try {
  const ours = await startRelay();
  const theirs = await startSocat();
  const rows: Measured[] = [];
  for (const direction of ['in', 'out'] as const) {
    for (const [name, target] of [
      ['relay', ours],
      ['socat', theirs],
    ] as const) {
      rows.push(await best(name, direction, target));
    }
  }
  process.stdout.write(
    `${cpus().length} × ${cpus()[0]?.model}, ${BYTES / 2 ** 20} MiB, blocks of ${BLOCK / 1024} KiB, best of ${ROUNDS}\n`,
  );
  process.stdout.write('direction  program   MiB/s   CPU s/GiB\n');
  for (const { direction, name, mibPerSecond, cpuSecondsPerGib } of rows) {
    process.stdout.write(
      `${direction.padEnd(10)} ${name.padEnd(8)} ${mibPerSecond.toFixed(0).padStart(6)}   ${cpuSecondsPerGib.toFixed(2).padStart(9)}\n`,
    );
  }
} finally {
  for (const child of children) child.kill('SIGTERM');
  guest.close();
  (plain as Server).close();
  await rm(dir, { recursive: true });
}

/** The first byte says what to do: `i` swallows BYTES and answers one byte, `o` sends BYTES. */
function serve(socket: Socket): void {
  socket.on('error', () => socket.destroy()).on('end', () => socket.end());
  socket.once('data', (first) => {
    if (first[0] === 0x6f) return pump(socket);
    let received = first.length - 1;
    socket.on('data', (chunk) => {
      received += chunk.length;
      if (received >= BYTES) socket.write('.');
    });
  });
}

function pump(socket: Socket): void {
  let left = BYTES;
  const more = () => {
    while (left > 0) {
      left -= BLOCK;
      if (!socket.write(block)) return;
    }
    socket.off('drain', more);
  };
  socket.on('drain', more);
  more();
}

interface Target {
  readonly port: number;
  readonly cpuSeconds: () => Promise<number>;
}

async function startRelay(): Promise<Target> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'relay-process.ts'), join(dir, 'v'), String(ENCLAVE_PORT.kubernetes)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  children.push(child);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { port: Number(String(line)), cpuSeconds: () => cpuSecondsOf(child.pid!) };
}

async function startSocat(): Promise<Target> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  const child = spawn(
    'socat',
    [
      '-b',
      String(BLOCK),
      `TCP-LISTEN:${port},bind=127.0.0.1,reuseaddr,fork,nodelay`,
      `UNIX-CONNECT:${join(dir, 'plain')}`,
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  children.push(child);
  await delay(300);
  // socat forks per connection: its time is its own and that of the children it has waited for.
  return { port, cpuSeconds: () => cpuSecondsOf(child.pid!) };
}

async function best(name: string, direction: 'in' | 'out', target: Target): Promise<Measured> {
  let result: Measured | undefined;
  for (let round = 0; round < ROUNDS; round += 1) {
    const cpu = await target.cpuSeconds();
    const started = performance.now();
    await (direction === 'in' ? send(target.port) : receive(target.port));
    const seconds = (performance.now() - started) / 1_000;
    await delay(200);
    const measured = {
      name,
      direction,
      mibPerSecond: BYTES / 2 ** 20 / seconds,
      cpuSecondsPerGib: ((await target.cpuSeconds()) - cpu) / (BYTES / 2 ** 30),
    };
    if (!result || measured.mibPerSecond > result.mibPerSecond) result = measured;
  }
  return result!;
}

async function send(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.write('i');
  pump(socket);
  await once(socket, 'data');
  socket.destroy();
}

async function receive(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.write('o');
  let left = BYTES;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.on('error', reject).on('data', (chunk) => {
    left -= chunk.length;
    if (left <= 0) resolve();
  });
  await promise;
  socket.destroy();
}

/** User and system time of a process and of the children that it has waited for (proc(5), fields 14 to 17). */
async function cpuSecondsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND;
}
