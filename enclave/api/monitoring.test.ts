import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { StakingPool } from '@daasvader/chain/objects.ts';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Audit } from '../audit/audit.ts';
import { ClusterState } from '../chain/cluster-state.ts';
import { EnclaveError } from '../error.ts';
import { objectOf } from '../kube/replay.ts';
import { Metrics } from '../metrics.ts';
import { monitoringRoutes } from './monitoring.ts';
import { createApi } from './server.ts';
import { stakingRoutes } from './staking.ts';

const USER = `0x${'0a'.repeat(32)}`;

let server: Server;
let isFresh: boolean;
let isNodeUp: boolean;

beforeEach(async () => {
  [isFresh, isNodeUp] = [true, true];
  const state = new ClusterState(objectOf);
  state.apply({
    kind: 'RoleStakesProposedEvent',
    logId: USER,
    seq: '1',
    roleStakes: { viewer: '1', developer: '2', admin: '5', super: '10' },
    proposedAtMs: '0',
    effectiveAtMs: '0',
  });
  for (const [user, total, role] of [
    [USER, '3', 2],
    [`0x${'0b'.repeat(32)}`, '2', 2],
  ] as const)
    state.apply({
      kind: 'UserStakedEvent',
      logId: USER,
      seq: '1',
      user,
      amount: total,
      total,
      role,
      atMs: '0',
    });
  const monitoring = monitoringRoutes({
    state,
    audit: new Audit(() => undefined),
    metrics: new Metrics(),
    readiness: () => new Map(),
    assertSound() {
      if (!isFresh) throw new EnclaveError('stale', 'Cannot admit anyone: not heard of');
    },
    status: () => ({ follower: undefined }),
  });
  const staking = async () => {
    if (!isNodeUp) throw new Error('down');
    const current = { viewer: '1', developer: '2', admin: '5', super: '10' };
    return { roleStakes: { current, pending: null, effectiveAtMs: '0', isUsed: true } } as StakingPool;
  };
  server = createServer(
    createApi(
      [monitoring, stakingRoutes(state, { staking, timeMs: async () => 0 })],
      pino({ enabled: false }),
    ).callback(),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(() => server.close());

async function get(path: string) {
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
  return { status: response.status, body: await response.json() };
}

test('an enclave that trusts the chain no longer is not ready and says why', async () => {
  expect(await get('/readyz')).toMatchObject({ status: 200, body: { status: 'ready' } });
  isFresh = false;
  expect(await get('/readyz')).toMatchObject({
    status: 503,
    body: { status: 'stale', detail: expect.stringContaining('not heard of') },
  });
  expect(await get('/api/nodes')).toMatchObject({ body: { data: { master_node: { status: 'stale' } } } });
});

test('the staking status tells what stakes give and who has how much', async () => {
  const { status, body } = await get('/api/v1/staking/status');
  expect(status).toBe(200);
  expect(body.total_staked_mist).toBe('5');
  expect(body.roles).toEqual([
    { role: 'viewer', minimum_stake_mist: '1', stakers: 0 },
    { role: 'developer', minimum_stake_mist: '2', stakers: 2 },
    { role: 'admin', minimum_stake_mist: '5', stakers: 0 },
    { role: 'super', minimum_stake_mist: '10', stakers: 0 },
  ]);
});

test('the staking status of an address is its role, and needs no full node', async () => {
  isNodeUp = false;
  expect(await get(`/api/v1/staking/status?address=${USER}`)).toMatchObject({ body: { role: 'developer' } });
  expect(await get('/api/v1/staking/status?address=0x1')).toMatchObject({ status: 400 });
  expect(await get('/api/v1/staking/status')).toMatchObject({ status: 503, body: { code: 'chain' } });
});
