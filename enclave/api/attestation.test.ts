import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TestControlPlane } from '@daasvader/testbed/cluster/test-control-plane.ts';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { attestationRoutes } from './attestation.ts';
import { createApi, type Routes } from './server.ts';

test('while the security module is slow, a bounded number waits for it and everything else is answered', async () => {
  const controlPlane = await TestControlPlane.start();
  const signing = Promise.withResolvers<Uint8Array>();
  let asked = 0;
  const nsm = {
    attest: () => {
      asked += 1;
      return signing.promise;
    },
  };
  const other: Routes = (router) => {
    router.get('/other', (ctx) => {
      ctx.body = {};
    });
  };
  const api = createApi([attestationRoutes(nsm, controlPlane.binding), other], pino({ enabled: false }));
  const server = createServer(api.callback()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const ask = async () => (await fetch(`${base}/api/v1/attestation?nonce=${'00'.repeat(16)}`)).status;
  const answers: number[] = [];
  const all = Array.from({ length: 70 }, async () => answers.push(await ask()));
  await expect.poll(() => answers).toEqual([503, 503, 503, 503, 503, 503]);
  expect((await fetch(`${base}/other`)).status).toBe(200);
  expect(asked).toBe(1);
  signing.resolve(new Uint8Array(1));
  await Promise.all(all);
  expect(answers.filter((status) => status === 200)).toHaveLength(64);
  server.close();
  await controlPlane.close();
});
