import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { HybridGuest } from '@daasvader/vsock/hybrid-guest.ts';
import { HybridHost } from '@daasvader/vsock/hybrid-host.ts';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createApi, listenTls, type Routes } from '../api/server.ts';
import { Anteroom } from './anteroom.ts';
import { generateKeys } from './keys.ts';

const log = pino({ enabled: false });
const { tls } = await generateKeys(['localhost']);

let directory: string;
let guest: HybridGuest;
let anteroom: Anteroom;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'enclave-anteroom-'));
  guest = await HybridGuest.open(join(directory, 'vsock'));
  const status = () => ({ steps: ['seat'] });
  anteroom = new Anteroom({ vsock: guest, tls, log, status });
});

afterEach(async () => {
  guest.close();
  await rm(directory, { recursive: true, force: true });
});

async function get(path: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const socket = await new HybridHost(join(directory, 'vsock')).connect(8443);
  const call = request({ path, socket, rejectUnauthorized: false, agent: false } as object).end();
  const [response] = await once(call, 'response');
  return { status: response.statusCode, body: JSON.parse(await text(response)) };
}

test('who waits says for what, serves nobody, and is alive', async () => {
  await anteroom.waitFor('the lead');
  await anteroom.waitFor('the lead of term 7');
  expect(await get('/healthz')).toEqual({ status: 200, body: { status: 'ok' } });
  expect(await get('/readyz')).toEqual({
    status: 503,
    body: { status: 'waiting', detail: 'waiting for the lead of term 7', steps: ['seat'] },
  });
  for (const path of ['/api/v1/nodes', '/api/v1/attestation?nonce=00', '/'])
    expect(await get(path)).toMatchObject({ status: 503, body: { code: 'waiting' } });
});

test('when the wait is over, or there was none, the port is left to the API', async () => {
  await anteroom.close();
  await anteroom.waitFor('the lead');
  await anteroom.close();
  const health: Routes = (router) => {
    router.get('/healthz', (ctx) => {
      ctx.body = { status: 'api' };
    });
  };
  const api = createApi([health], log);
  await listenTls(api, guest, tls);
  expect(await get('/healthz')).toEqual({ status: 200, body: { status: 'api' } });
});
