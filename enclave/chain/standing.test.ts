import type { ChainEvent } from '@daasvader/chain/events.ts';
import { beforeEach, describe, expect, test } from 'vitest';
import { operatorIds } from './operator-ids.ts';
import { Registry } from './registry.ts';
import { Standing } from './standing.ts';

const id = (byte: string) => `0x${byte.repeat(32)}`;
const [PACKAGE, UPGRADE, OPERATOR, OTHER] = ['0a', '0b', 'a1', 'a2'].map(id) as [
  string,
  string,
  string,
  string,
];
const [HOST, OTHER_HOST] = [id('b1'), id('b2')];
const [MINE, THEIRS] = [id('c1'), id('c2')];
const LOG = { logId: id('01'), seq: '1' };

let registry: Registry;
let standing: Standing;

beforeEach(() => {
  registry = new Registry(PACKAGE);
  standing = new Standing(OPERATOR, registry);
});

function apply(event: ChainEvent): void {
  registry.apply(event);
  standing.apply(event);
}

const register = (enclaveId: string, operator: string, measurementVersion = 'v1') =>
  apply({ ...LOG, kind: 'EnclaveRegisteredEvent', enclaveId, operator, measurementVersion });
const seat = (enclaveId: string, host: string, operator = OPERATOR) =>
  apply({ ...LOG, kind: 'SeatTakenEvent', enclaveId, operator, host, epoch: '1' });
const lead = (enclaveId: string, host: string, term: bigint) =>
  apply({ ...LOG, kind: 'LeadTakenEvent', enclaveId, host, term: `${term}` });
const revoke = (host: string) => apply({ ...LOG, kind: 'SeatRevokedEvent', host, epoch: '2' });
const retire = (version: string) =>
  apply({ ...LOG, kind: 'MeasurementRetiredEvent', version, compromised: false });

/** Registered, seated and leading in term 1. */
function leading(): void {
  register(MINE, OPERATOR);
  seat(MINE, HOST);
  lead(MINE, HOST, 1n);
}

test('an enclave that is seated where nobody leads waits for nothing', () => {
  expect(standing.waitsFor).toContain('seated');
  register(MINE, OPERATOR);
  expect(standing.waitsFor).toContain('seated');
  seat(MINE, HOST);
  expect(standing).toMatchObject({ waitsFor: undefined, enclaveId: MINE, host: HOST, term: undefined });
});

test('the new occupant of the seat that leads waits for nothing, one of another seat for the lead', () => {
  register(THEIRS, OTHER);
  seat(THEIRS, HOST, OTHER);
  lead(THEIRS, HOST, 7n);
  register(MINE, OPERATOR);
  seat(MINE, OTHER_HOST);
  expect(standing.waitsFor).toContain(`host ${HOST} has in term 7`);
  seat(MINE, HOST);
  expect(standing.waitsFor).toBeUndefined();
  expect(registry.term).toBe(7n);
});

test.each<[string, () => void]>([
  ['is given up', () => apply({ ...LOG, kind: 'LeadGivenUpEvent', term: '7' })],
  ["is vacant because the leader's seat was revoked", () => revoke(HOST)],
])('the wait for the lead ends when it %s', (_, end) => {
  seat(THEIRS, HOST, OTHER);
  lead(THEIRS, HOST, 7n);
  register(MINE, OPERATOR);
  seat(MINE, OTHER_HOST);
  end();
  expect(standing).toMatchObject({ waitsFor: undefined, lost: undefined });
});

describe('what an enclave that leads hears', () => {
  beforeEach(leading);

  test('of its own rise takes nothing from it', () => {
    expect(standing).toMatchObject({ term: 1n, lost: undefined });
  });

  test.each<[string, () => void, string]>([
    ['another enclave takes its seat', () => seat(THEIRS, HOST, OTHER), 'took its seat'],
    ['its seat is revoked', () => revoke(HOST), 'revoked'],
    ['its measurement is retired', () => retire('v1'), 'retired'],
    ['another enclave takes the lead', () => lead(THEIRS, OTHER_HOST, 2n), 'term 2'],
  ])('%s: it may act no more, for good', (_, happen, why) => {
    happen();
    expect(standing.lost).toContain(why);
    seat(MINE, HOST);
    lead(MINE, HOST, 3n);
    expect(standing.lost).toContain(why);
  });

  test.each<[string, () => void]>([
    ["another host's seat is taken", () => seat(THEIRS, OTHER_HOST, OTHER)],
    ["another host's seat is revoked", () => revoke(OTHER_HOST)],
    ['another measurement is retired', () => retire('v0')],
    ['another enclave registers', () => register(THEIRS, OTHER, 'v2')],
  ])('%s: it goes on', (_, happen) => {
    happen();
    expect(standing).toMatchObject({ lost: undefined, enclaveId: MINE, term: 1n });
  });
});

test('an enclave that was seated and never led is told when its seat goes', () => {
  register(MINE, OPERATOR);
  seat(MINE, HOST);
  seat(THEIRS, HOST, OTHER);
  expect(standing.lost).toContain('took its seat');
});

test('what is called follows the upgrades that the chain proves, and nothing else', () => {
  const ids = operatorIds({ packageId: id('ee'), registryId: LOG.logId } as never, registry, standing);
  expect(ids.packageId).toBe(PACKAGE);
  expect(() => ids.enclaveId).toThrow('registered');
  leading();
  apply({ ...LOG, kind: 'PackageUpgradedEvent', package: UPGRADE, version: '2', digest: new Uint8Array() });
  expect(ids).toMatchObject({ packageId: UPGRADE, enclaveId: MINE, registryId: LOG.logId });
  expect([...registry.packages]).toEqual([PACKAGE, UPGRADE]);
});

describe('a configuration', () => {
  const cluster = {
    workersId: id('02'),
    stakingId: id('03'),
    schedulerId: id('04'),
    imagesId: id('05'),
    clusterCidr: '10.42.0.0/16',
    serviceCidr: '10.43.0.0/16',
  };

  test('of a cluster that is not proven is refused', () => {
    expect(() => registry.assertIs(cluster)).toThrow(expect.objectContaining({ code: 'configuration' }));
  });

  test('that says what the chain says passes', () => {
    apply({ ...LOG, kind: 'ClusterCreatedEvent', delayMs: '5', ...cluster });
    expect(() => registry.assertIs(cluster)).not.toThrow();
  });

  test.each(Object.keys(cluster))('with another %s is refused, saying which', (key) => {
    apply({ ...LOG, kind: 'ClusterCreatedEvent', delayMs: '0', ...cluster });
    expect(() => registry.assertIs({ ...cluster, [key]: '10.0.0.0/8' })).toThrow(key);
  });
});
