import { Fixture, NOW } from '@daasvader/attestation/testing/fixture.ts';
import { pino } from 'pino';
import { afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import type { Nsm } from '../nsm/nsm.ts';
import { keepClock, setClock } from './clock.ts';

const INTERVAL_MS = 10_000;
const HOUR = 3_600_000;

let pki: Fixture;
/** What the machine's clock says beyond the time of the test. */
let wrongMs: number;
let lines: { msg: string; level: number; [key: string]: unknown }[];
let stop: () => void;

beforeAll(async () => {
  pki = await Fixture.create();
});

beforeEach(() => {
  vi.useFakeTimers({ now: NOW, toFake: ['setInterval', 'clearInterval', 'Date', 'performance'] });
  wrongMs = 0;
  lines = [];
  stop = () => undefined;
});

afterEach(() => {
  stop();
  vi.useRealTimers();
});

const clock = {
  now: () => Date.now() + wrongMs,
  set: (time: number) => {
    wrongMs = time - Date.now();
  },
};

const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });

/** A module whose clock is that of the test and `offset()` more. */
function nsmWith(attest: Nsm['attest']): Nsm {
  return { attest } as Nsm;
}

const telling = (offset: () => number) =>
  nsmWith(() => pki.document({ timestamp: Math.round(Date.now() + offset()) }));

const start = (nsm: Nsm) => {
  stop = keepClock(nsm, log, clock);
};

/** Lets one interval pass, and what it began come to its end, while no time does. */
async function tick(isDone: () => boolean): Promise<void> {
  vi.advanceTimersByTime(INTERVAL_MS);
  while (!isDone()) await new Promise((resolve) => setImmediate(resolve));
}

const logged = (count: number) => () => lines.length === count;

it('leaves a clock alone that is wrong by a second, and sets one that is wrong by more', async () => {
  const nsm = telling(() => 0);
  wrongMs = 1_000;
  expect(await setClock(nsm, clock)).toBe(0);
  expect(wrongMs).toBe(1_000);
  wrongMs = -1_001;
  expect(await setClock(nsm, clock)).toBe(-1_001);
  expect(wrongMs).toBe(0);
});

it('outlives a security module that fails, says so, and sets the clock when it answers again', async () => {
  let isBroken = true;
  const working = telling(() => 0);
  start(
    nsmWith((request) => {
      if (isBroken) throw new Error('Cannot ask the NSM: ioctl failed with error 5');
      return working.attest(request);
    }),
  );
  wrongMs = 5_000;
  await tick(logged(1));
  await tick(logged(2));
  expect(lines[1]).toMatchObject({ level: 50, error: expect.stringContaining('ioctl failed') });
  isBroken = false;
  await tick(logged(3));
  expect(lines[2]).toMatchObject({ level: 40, skew: 5_000 });
  expect(wrongMs).toBe(0);
});

it('asks a security module that hangs only once, and says for how long', async () => {
  const attest = vi.fn(() => new Promise<never>(() => undefined));
  start(nsmWith(attest));
  await tick(() => attest.mock.calls.length === 1);
  await tick(logged(1));
  await tick(logged(2));
  expect(attest).toHaveBeenCalledTimes(1);
  expect(lines.map(({ error }) => error)).toEqual(['it has not ended for 10 s', 'it has not ended for 20 s']);
});

it.each([
  ['a year ahead', 365 * 24 * HOUR],
  ['back by an hour', -HOUR],
])('follows a security module whose clock jumps %s, and logs an error', async (_, jump) => {
  let offset = 0;
  let answers = 0;
  const nsm = telling(() => offset);
  start(nsmWith((request) => nsm.attest(request).finally(() => answers++)));
  await tick(() => answers === 1);
  expect(lines).toEqual([]);
  offset = jump;
  await tick(logged(2));
  expect(lines[0]).toMatchObject({ level: 50, msg: expect.stringContaining('jumped') });
  expect(lines[0]!.jumpMs).toBe(jump);
  expect(wrongMs).toBe(jump);
});

it('leaves a clock alone when it is the answer that came late', async () => {
  const working = telling(() => 0);
  const late = nsmWith(async (request) => {
    const document = await working.attest(request);
    vi.advanceTimersByTime(5_000);
    return document;
  });
  expect(await setClock(late, clock)).toBe(0);
  expect(wrongMs).toBe(0);
  wrongMs = -20_000;
  expect(await setClock(late, clock)).toBe(-15_000);
});
