import { WORKER_STATUS } from '@daasvader/chain/codes.ts';
import { pino } from 'pino';
import { beforeEach, expect, test } from 'vitest';
import type { Worker } from './cluster-state.ts';
import { WorkerLevels } from './worker-levels.ts';
import type { Statement } from './writer.ts';

const { pending, active, offline, draining } = WORKER_STATUS;
const FLAP_MS = 200;

let now: number;
let status: number;
let isReady: boolean;
let isRefused: boolean;
let said: string[];
let levels: WorkerLevels;

beforeEach(() => {
  [now, status, isReady, isRefused, said] = [0, pending, false, false, []];
  levels = new WorkerLevels({
    writer: {
      submit: async ({ label, needed }: Statement) => {
        if (!needed()) return;
        said.push(label);
        if (isRefused) return;
        status = label.startsWith('activate') ? active : offline;
      },
    },
    seat: {} as never,
    state: { worker: () => ({ status, owner: 'owner', tokenExpiresAtMs: 1_000 }) as Worker },
    chainTime: () => now,
    log: pino({ enabled: false }),
    isReady: () => isReady,
    counterOf: () => 0n,
    flapMs: FLAP_MS,
    againMs: FLAP_MS / 4,
  });
});

function see(ready: boolean): void {
  isReady = ready;
  levels.tell('w');
}

const past = () => new Promise((resolve) => setTimeout(resolve, FLAP_MS + 100));

test('a worker that comes, goes and comes back is told of at once each time', () => {
  for (const ready of [true, false, true]) see(ready);
  expect(said).toEqual(['activate worker w', 'set worker w offline', 'activate worker w']);
});

test('one that flaps is told to be away once, and its last level when the time is over', async () => {
  see(true);
  said.length = 0;
  for (let i = 0; i < 10; i += 1) {
    see(false);
    see(true);
  }
  see(false);
  expect(said).toEqual(['set worker w offline', 'activate worker w']);
  await past();
  expect(said).toEqual(['set worker w offline', 'activate worker w', 'set worker w offline']);
});

test('one that flapped and is there when the time is over costs nothing more', async () => {
  see(true);
  for (const ready of [false, true, false, true]) see(ready);
  said.length = 0;
  await past();
  expect(said).toEqual([]);
  see(false);
  expect(said).toEqual(['set worker w offline']);
});

test('what was refused is told again, one time after the other, until the chain says so', async () => {
  isRefused = true;
  for (let i = 0; i < 10; i += 1) see(true);
  said.length = 0;
  await past();
  expect(said.length).toBeGreaterThan(1);
  expect(said.length).toBeLessThan(10);
  isRefused = false;
  await past();
  expect(status).toBe(active);
  said.length = 0;
  await past();
  expect(said).toEqual([]);
});

test('a return that the chain does not take, for want of a valid seal token, is not told', () => {
  now = 1_000;
  see(true);
  expect(said).toEqual([]);
});

test('what the chain says already, or did not ask for, is not told', () => {
  see(false);
  status = draining;
  see(true);
  see(false);
  expect(said).toEqual([]);
});
