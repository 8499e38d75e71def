import { Canary } from '@daasvader/enclave/kube/canary.ts';
import { Metrics } from '@daasvader/enclave/metrics.ts';
import { BareServer } from '@daasvader/testbed/cluster/bare-server.ts';
import { pino } from 'pino';
import { expect, test } from 'vitest';

const SOON = { timeout: 120_000, interval: 100 };

test('an API server that hangs is noticed and started again, and nobody acts meanwhile', async () => {
  await using server = await BareServer.start();
  const stop = new AbortController();
  const canary = new Canary({
    kubernetes: server.kubernetes,
    restart: () => server.restart(),
    metrics: new Metrics(),
    log: pino({ enabled: false }),
    intervalMs: 250,
    answerMs: 2_000,
    patienceMs: 8_000,
  });
  await canary.round();
  expect(canary.reason).toBeUndefined();
  const running = canary.run(stop.signal);
  const hanging = await server.pid();
  process.kill(hanging, 'SIGSTOP');
  await expect.poll(() => canary.reason, SOON).toContain('no answer within 2 s');
  expect(canary.assert).toThrow(expect.objectContaining({ code: 'k3s' }));
  await expect.poll(() => server.pid(), SOON).not.toBe(hanging);
  await expect.poll(() => canary.reason, SOON).toBeUndefined();
  stop.abort();
  await running;
});
