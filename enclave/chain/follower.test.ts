import { stake } from '@daasvader/chain/calls/user.ts';
import { readCommittee } from '@daasvader/chain/committee.ts';
import { eventName } from '@daasvader/chain/events.ts';
import type { RawEvent } from '@daasvader/chain/log.ts';
import { submit } from '@daasvader/chain/submit.ts';
import { Committee } from '@daasvader/checkpoint/committee.ts';
import { ChainCluster } from '@daasvader/testbed/cluster/chain-cluster.ts';
import { ChainEnclave } from '@daasvader/testbed/cluster/chain-enclave.ts';
import type { Devnet } from '@daasvader/testbed/devnet/devnet.ts';
import { type Lie, startLyingFront } from '@daasvader/testbed/devnet/lying/front.ts';
import { LIES } from '@daasvader/testbed/devnet/lying/lies.ts';
import { type GrpcTypes, SuiGrpcClient } from '@mysten/sui/grpc';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Metrics } from '../metrics.ts';
import { Follower, type FollowerOptions } from './follower.ts';
import { Freshness } from './freshness.ts';
import type { HostServices } from './host-services.ts';

const SUI = 1_000_000_000n;
/** Of a follower whose full node falls silent; the others wait as long as in production. */
const IMPATIENT = { patienceMs: 1_000 };

type Services = FollowerOptions['services'];

let cluster: ChainCluster;
let enclave: ChainEnclave;
const cleanUp: (() => unknown)[] = [];

beforeAll(async () => {
  cluster = await ChainCluster.start();
  enclave = await ChainEnclave.leading(cluster);
});

afterEach(async () => {
  for (const step of cleanUp.splice(0)) await step();
});

afterAll(() => cluster.close());

/** A host that keeps nothing, and events for it to have kept. */
function host(kept: readonly RawEvent[] = []): Services {
  return {
    events: async (logId, from) => kept.filter((event) => event.logId === logId && event.seq >= from),
    keep: async () => undefined,
  };
}

/** A follower of these nodes, running until the test ends. */
async function follow(urls: string[], options: Partial<FollowerOptions> & { services?: Services } = {}) {
  const { client, deployment } = cluster;
  const { originalPackageId, registryId, workersId, stakingId, schedulerId } = deployment;
  const seen: RawEvent[] = [];
  const freshness = new Freshness(60_000);
  const metrics = new Metrics();
  let echoes = 0;
  const subject = new Follower({
    nodes: urls.map((url) => ({ url, client: new SuiGrpcClient({ network: 'devnet', baseUrl: url }) })),
    committee: await readCommittee(client),
    services: host(),
    packages: new Set([originalPackageId]),
    registryId,
    logIds: [registryId, workersId, stakingId, schedulerId],
    freshness,
    metrics,
    log: pino({ enabled: false }),
    onEvent: (event) => seen.push(event),
    onHeads: () => {
      echoes += 1;
    },
    ...options,
  });
  const abort = new AbortController();
  const running = subject.run(abort.signal);
  cleanUp.push(
    () => abort.abort(),
    () => running,
  );
  const beat = () => enclave.beat({ onSigned: freshness.sent });
  /** Beats until a heartbeat came back that was sent after everything so far. */
  const sync = async () => {
    const before = echoes;
    await expect
      .poll(async () => beat().then(() => echoes > before), { timeout: 20_000, interval: 300 })
      .toBe(true);
  };
  const refusals = async () =>
    Object.fromEntries(
      (await metrics.refusals.get()).values.map(({ labels, value }) => [labels.code, value]),
    );
  return { subject, seen, freshness, sync, beat, refusals };
}

/** A user stakes, which is one event. */
async function act(): Promise<void> {
  const user = await cluster.fundedAccount();
  await submit(cluster.client, user, (tx) => stake(tx, cluster.deployment, 2n * SUI));
}

/** All that the chain ever emitted, in hexadecimal. */
function history(): string {
  const { store } = cluster.devnet.chain;
  const last = store.latestCheckpoint()!.sequence;
  return Array.from({ length: last + 1 }, (_, sequence) => store.transactionsOf(sequence))
    .flat()
    .map(({ events }) => Buffer.from(events ?? []).toString('hex'))
    .join();
}

/** What was reported is what happened: each event once, in the order of its log, none that the chain does not have. */
async function expectTruth(seen: readonly RawEvent[]): Promise<void> {
  const { reader } = cluster;
  const logs = await Promise.all([reader.registry(), reader.workers(), reader.staking(), reader.scheduler()]);
  for (const { id, log } of logs) {
    const numbers = seen.filter(({ logId }) => logId === id).map(({ seq }) => seq);
    expect(numbers).toEqual(Array.from({ length: Number(log.seq) }, (_, index) => index + 1));
  }
  const told = history();
  for (const { bytes } of seen) expect(told).toContain(Buffer.from(bytes).toString('hex'));
}

/** A front that tells the truth until `start` is called, and then this lie: once, or from then on. */
async function lyingFront(lie: Lie, isOnce: boolean) {
  let isLying = false;
  const front = await startLyingFront(cluster.devnet, (checkpoint) => {
    if (!isLying) return [checkpoint];
    const told = lie(checkpoint);
    if (told instanceof Promise) return told;
    if (isOnce && !(told.length === 1 && told[0] === checkpoint)) isLying = false;
    return told;
  });
  cleanUp.push(() => front.close());
  const lieFromNow = (value: boolean) => {
    isLying = value;
  };
  return { url: front.url, start: () => lieFromNow(true), stop: () => lieFromNow(false) };
}

const CODES: Record<keyof typeof LIES, string> = {
  'forged event': 'events',
  'forged effects': 'effects',
  'forged contents': 'contents',
  'forged summary': 'signature',
  'below quorum': 'quorum',
  'claimed quorum': 'signature',
  'wrong committee': 'signature',
  'wrong epoch': 'epoch',
  'wrong signer': 'signers',
  'other contents': 'contents',
  'dropped checkpoint': 'order',
  'dropped transactions': 'log-gap',
  'dropped events': 'log-gap',
  reordered: 'order',
  duplicated: 'order',
  stale: 'order',
  silent: 'stale',
  hanging: 'stale',
  forked: 'link',
};
const FOR_EVER = new Set(['reordered', 'stale', 'silent', 'hanging']);

describe('a full node that lies', () => {
  test.each(Object.entries(CODES))('%s: refused as %s, and an honest one goes on', async (name, code) => {
    const lie = (LIES[name as keyof typeof LIES] as (devnet: Devnet) => Lie)(cluster.devnet);
    const front = await lyingFront(lie, !FOR_EVER.has(name));
    const { seen, sync, refusals, subject } = await follow(
      [front.url, cluster.devnet.url],
      code === 'stale' ? IMPATIENT : {},
    );
    await sync();
    front.start();
    await act();
    await sync();
    expect((await refusals())[code]).toBeGreaterThanOrEqual(1);
    expect(subject.status.halted).toBeUndefined();
    await expectTruth(seen);
  });

  test('from the start, by answering nothing for ever: left, for an honest one', async () => {
    const front = await lyingFront(LIES.hanging(), false);
    front.start();
    const { seen, sync, refusals } = await follow([front.url, cluster.devnet.url], IMPATIENT);
    await sync();
    expect((await refusals()).stale).toBeGreaterThanOrEqual(1);
    await expectTruth(seen);
  });

  test('alone, it keeps the enclave from acting, and honest again it lets it go on', async () => {
    const front = await lyingFront(LIES['forged event'](), false);
    const { seen, sync, beat, freshness, refusals } = await follow([front.url]);
    await sync();
    const known = seen.length;
    front.start();
    await act();
    const signedAt = performance.now();
    await beat();
    await expect.poll(async () => (await refusals()).events ?? 0).toBeGreaterThanOrEqual(2);
    expect(seen).toHaveLength(known);
    expect(freshness.ageMs).toBeGreaterThan(performance.now() - signedAt);
    front.stop();
    await sync();
    await expectTruth(seen);
  });
});

/** Every event that there is, as a follower reports it. */
async function everything(): Promise<RawEvent[]> {
  await act();
  const { seen, sync } = await follow([cluster.devnet.url]);
  await sync();
  for (const step of cleanUp.splice(0)) await step();
  return seen;
}

/** A full node that has forgotten everything before now. */
async function prunedNode(): Promise<string> {
  const first = cluster.devnet.chain.store.latestCheckpoint()!.sequence;
  const front = await startLyingFront(cluster.devnet, (checkpoint) =>
    sequenceOf(checkpoint) > first ? [checkpoint] : [],
  );
  cleanUp.push(() => front.close());
  return front.url;
}

test('what the full node has forgotten is taken from the host, up to the proven heads', async () => {
  const kept = await everything();
  const { seen, sync } = await follow([await prunedNode()], { services: host(kept) });
  await sync();
  await expectTruth(seen);
});

test('what the host does not have is looked for on the full node', async () => {
  const kept = await everything();
  const { seen, sync } = await follow([cluster.devnet.url], { services: host(kept.slice(0, 2)) });
  await sync();
  await expectTruth(seen);
});

describe('before there is a heartbeat', () => {
  const names = (seen: readonly RawEvent[]) =>
    seen.filter(({ logId }) => logId === cluster.deployment.registryId).map(({ type }) => eventName(type));

  test("the registry's log is proven by what a transaction of ours left of the registry, and nothing is fresh", async () => {
    const { subject, seen, freshness } = await follow([cluster.devnet.url]);
    await subject.listening;
    await ChainEnclave.register(cluster);
    await expect.poll(() => names(seen).at(-1)).toBe('EnclaveRegisteredEvent');
    const { log } = await cluster.reader.registry();
    expect(names(seen)).toHaveLength(Number(log.seq));
    expect(names(seen)[0]).toBe('ClusterCreatedEvent');
    expect(freshness.reason).toContain('no heartbeat');
  });

  test('a full node that tells nothing is left for another one, though nothing is overdue', async () => {
    const front = await lyingFront(LIES.hanging(), false);
    front.start();
    const urls = [front.url, cluster.devnet.url];
    const { seen, refusals } = await follow(urls, { unheardMs: 1_000 });
    await expect.poll(async () => (await refusals()).stale, { timeout: 5_000 }).toBe(1);
    await ChainEnclave.register(cluster);
    await expect.poll(() => names(seen).at(-1)).toBe('EnclaveRegisteredEvent');
  });

  test('a full node that tells another registry than was written is not believed', async () => {
    const url = cluster.devnet.url;
    const client = new SuiGrpcClient({ network: 'devnet', baseUrl: url });
    const { ledgerService } = client;
    const honest = ledgerService.getObject.bind(ledgerService);
    ledgerService.getObject = ((...asked: Parameters<typeof honest>) => {
      const call = honest(...asked);
      const forge = async () => {
        const told = await call;
        const value = told.response.object!.bcs!.value!;
        value[value.length - 1]! ^= 1;
        return told;
      };
      return forge();
    }) as unknown as typeof honest;
    const { seen, refusals } = await follow([url], { nodes: [{ url, client }] });
    await ChainEnclave.register(cluster);
    await expect.poll(async () => (await refusals()).object ?? 0).toBeGreaterThanOrEqual(1);
    expect(seen).toEqual([]);
  });
});

/** Follows with a host that kept something else than what happened; it must not be believed. */
async function followForged(forged: readonly RawEvent[]): Promise<void> {
  const { seen, sync, refusals, freshness } = await follow([cluster.devnet.url], { services: host(forged) });
  expect(freshness.reason).toContain('no heartbeat');
  await sync();
  expect(await refusals()).toMatchObject({ 'log-forged': 1 });
  await expectTruth(seen);
}

test('a forged event is noticed at the next head, and nothing is fresh before one', async () => {
  const [first, ...rest] = await everything();
  const bytes = Uint8Array.from(first!.bytes, (byte, at) => (at > 39 ? byte ^ 1 : byte));
  await followForged([{ ...first!, bytes }, ...rest]);
});

test('an event under the type of another one with the same fields is noticed at the next head', async () => {
  const kept = await everything();
  const last = kept.findLastIndex(({ type }) => type.endsWith('::UserStakedEvent'));
  const type = kept[last]!.type.replace('UserStakedEvent', 'UserWithdrawRequestedEvent');
  await followForged(kept.with(last, { ...kept[last]!, type }));
});

test('a hole that nobody can fill stops the reporting, and it goes on when somebody can', async () => {
  const kept = await everything();
  const services = { ...host() };
  const { seen, beat, sync, freshness, refusals } = await follow([await prunedNode()], { services });
  await beat();
  await expect.poll(async () => (await refusals())['log-gap'] ?? 0).toBeGreaterThanOrEqual(1);
  expect(seen).toEqual([]);
  expect(freshness.reason).toContain('no heartbeat');
  services.events = host(kept).events as HostServices['events'];
  await sync();
  await expectTruth(seen);
});

test('the committee is followed from epoch to epoch, also over those that were missed', async () => {
  const committee = await readCommittee(cluster.client);
  const { epoch } = committee;
  const early = await follow([cluster.devnet.url]);
  await early.sync();
  cluster.devnet.endEpoch();
  await act();
  await early.sync();
  cluster.devnet.endEpoch();
  await early.sync();
  await expectTruth(early.seen);
  expect(early.subject.status.epoch).toBe(`${epoch + 2n}`);
  const late = await follow([cluster.devnet.url], { committee });
  await late.sync();
  expect(late.subject.status).toMatchObject({ verification: 'CERTIFIED', epoch: `${epoch + 2n}` });
  await expectTruth(late.seen);
});

test('a chain that another committee certifies is not believed', async () => {
  const strangers = Array.from({ length: 4 }, (_, index) => ({
    publicKey: cluster.devnet.committee.members[index]!.publicKey,
    weight: index === 0 ? 10_000n : 0n,
  }));
  const { epoch } = cluster.devnet.committee;
  // The keys are the true ones, but another one of them has all the power, and it signs nothing by itself.
  const { beat, seen, refusals } = await follow([cluster.devnet.url], {
    committee: new Committee(epoch + 1n, strangers),
  });
  await beat();
  await expect.poll(async () => (await refusals()).epoch ?? 0).toBeGreaterThanOrEqual(1);
  expect(seen).toEqual([]);
});

test('an event that cannot be taken comes again', async () => {
  const seen: RawEvent[] = [];
  let failures = 2;
  const { sync } = await follow([cluster.devnet.url], {
    onEvent: (event) => {
      if (seen.length === 1 && failures-- > 0) throw new Error('not now');
      seen.push(event);
    },
  });
  await sync();
  await expectTruth(seen);
});

test("another enclave's heartbeat confirms the logs, but not that we are heard", async () => {
  const { seen, freshness, subject } = await follow([cluster.devnet.url]);
  // Again and again: one that comes before the follower listens is not seen by it.
  const another = () => enclave.beat();
  await expect
    .poll(() => another().then(() => subject.status.checkpoint), { timeout: 20_000, interval: 300 })
    .not.toBe('0');
  await expectTruth(seen);
  expect(subject.status.heartbeatSeenAtMs).toBe(0);
  expect(freshness.reason).toContain('no heartbeat');
});

function sequenceOf({ summary }: GrpcTypes.Checkpoint): number {
  return Number(Buffer.from(summary!.bcs!.value!).readBigUInt64LE(8));
}
