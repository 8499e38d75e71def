import type { KubernetesObject } from '@kubernetes/client-node';
import { pino } from 'pino';
import { beforeEach, expect, test } from 'vitest';
import { Metrics } from '../metrics.ts';
import { Canary } from './canary.ts';

let now: number;
let kept: KubernetesObject | undefined;
let server: 'sound' | 'loses writes' | 'fails' | 'hangs';
let restarts: number;
let restarted: () => Promise<void>;
let canary: Canary;

beforeEach(() => {
  now = 0;
  restarts = 0;
  restarted = async () => undefined;
  server = 'sound';
  kept = undefined;
  const answer = <T>(value: T): Promise<T> => {
    if (server === 'hangs') return new Promise(() => undefined);
    return server === 'fails' ? Promise.reject(new Error('disk full')) : Promise.resolve(value);
  };
  canary = new Canary({
    kubernetes: {
      apply: async <T extends KubernetesObject>(object: T) => {
        await answer(undefined);
        if (server === 'sound') kept = object;
        return object;
      },
      read: async <T extends KubernetesObject>() => answer(kept as T | undefined),
    },
    restart: async () => {
      restarts += 1;
      return restarted();
    },
    metrics: new Metrics(),
    log: pino({ enabled: false }),
    now: () => now,
    answerMs: 20,
    patienceMs: 60_000,
  });
});

async function rounds(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    now += 2_000;
    await canary.round();
  }
}

test.each([
  ['loses writes', 'not there'],
  ['fails', 'disk full'],
  ['hangs', 'no answer'],
] as const)(
  'a server that %s is noticed after three rounds, and when it is sound again',
  async (fault, why) => {
    await rounds(2);
    expect(canary.reason).toBeUndefined();
    server = fault;
    await rounds(2);
    expect(canary.assert).not.toThrow();
    await rounds(1);
    expect(canary.reason).toContain(why);
    expect(canary.assert).toThrow(expect.objectContaining({ code: 'k3s' }));
    server = 'sound';
    await rounds(1);
    expect(canary.reason).toBeUndefined();
    expect(restarts).toBe(0);
  },
);

test('a server that stays unsound is started again, and has time to come back before the next start', async () => {
  server = 'hangs';
  await rounds(29);
  expect(restarts).toBe(0);
  await rounds(1);
  expect(restarts).toBe(1);
  await rounds(80);
  expect(restarts).toBe(1);
  await rounds(10);
  expect(restarts).toBe(2);
  server = 'sound';
  await rounds(1);
  server = 'hangs';
  await rounds(29);
  expect(restarts).toBe(2);
});

test.each([
  ['fails', () => Promise.reject(new Error('kill EPERM'))],
  ['hangs', () => new Promise<never>(() => undefined)],
])('a start that %s keeps nobody from seeing that the server is sound again', async (_, how) => {
  restarted = how;
  server = 'fails';
  await rounds(31);
  expect(restarts).toBe(1);
  server = 'sound';
  await rounds(1);
  expect(canary.reason).toBeUndefined();
});
