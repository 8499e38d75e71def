import { describe, expect, it } from 'vitest';
import { FRESHNESS_LIMIT_MS, Freshness, MAX_HEARTBEAT_SECONDS } from '../chain/freshness.ts';
import { parseConfiguration } from './configuration.ts';

const id = `0x${'1'.repeat(64)}`;
const GOOD = {
  cluster: {
    ...{ network: 'testnet', rpcUrl: 'https://rpc.test', chainId: 'abc' },
    ...{ packageId: id, originalPackageId: id, registryId: id },
    ...{ workersId: id, stakingId: id, schedulerId: id, imagesId: id },
  },
  tee: { type: 'AWS_NITRO' },
  sui: { rpc_endpoint: 'https://rpc.test', event_filter: '' },
  k3s: { cluster_cidr: '10.42.0.0/16', service_cidr: '10.43.0.0/16' },
  api: { port: 6443, external_names: ['api.test'], external_url: 'https://api.test:6443' },
};

const parse = (change: object) => parseConfiguration(JSON.stringify({ ...GOOD, ...change }));

describe('of the configuration what a host may choose', () => {
  it('is taken, with a heartbeat every 30 s unless the host wants more', () => {
    expect(parse({})).toMatchObject({ ...GOOD, heartbeat_interval: 30 });
    expect(parse({ heartbeat_interval: 1 }).heartbeat_interval).toBe(1);
    expect(parse({}).walrus).toEqual({});
    const walrus = { aggregator: 'https://aggregator.test' };
    expect(parse({ walrus }).walrus).toEqual(walrus);
  });

  it.each([
    ['rarer heartbeats than the image allows', { heartbeat_interval: MAX_HEARTBEAT_SECONDS + 1 }, '<=30'],
    ['no heartbeats', { heartbeat_interval: 0 }, '>=1'],
    ['a limit of its own for what is fresh', { freshness_limit: 3_600 }, 'freshness_limit'],
    ['true for a port', { api: { ...GOOD.api, port: true } }, 'api.port'],
    ['an aggregator that is none', { walrus: { aggregator: 'file:///proc/self/mem' } }, 'walrus.aggregator'],
    ['an empty name', { api: { ...GOOD.api, external_names: [''] } }, 'api.external_names.0'],
    [
      'ranges that overlap',
      { k3s: { cluster_cidr: '10.32.0.0/12', service_cidr: '10.43.0.0/16' } },
      'k3s: the ranges of pods, 10.32.0.0/12, and of Services, 10.43.0.0/16, overlap',
    ],
    [
      "somebody's public addresses for pods",
      { k3s: { cluster_cidr: '8.8.0.0/16', service_cidr: '10.43.0.0/16' } },
      'not private',
    ],
    [
      'a network that is none',
      { k3s: { cluster_cidr: '10.42.0.0/16', service_cidr: '999.1.1.1/99' } },
      'not a network',
    ],
  ])('is refused with %s', (_, change, why) => {
    expect(() => parse(change)).toThrow(
      expect.objectContaining({ code: 'configuration', message: expect.stringContaining(why) }),
    );
  });
});

describe('what is fresh', () => {
  const agedBy = (ms: number) => {
    let now = 0;
    const freshness = new Freshness(undefined, () => now);
    freshness.sent('a');
    freshness.echoed('a');
    now = ms;
    return freshness.reason;
  };

  it('ends 120 s after a heartbeat that came back, whatever the host configured', () => {
    expect(FRESHNESS_LIMIT_MS).toBe(120_000);
    expect(agedBy(FRESHNESS_LIMIT_MS)).toBeUndefined();
    expect(agedBy(FRESHNESS_LIMIT_MS + 1)).toContain('120 s');
  });

  it('outlasts two lost heartbeats at the longest interval', () => {
    expect(3 * MAX_HEARTBEAT_SECONDS * 1_000).toBeLessThan(FRESHNESS_LIMIT_MS);
  });
});
