import { appointHost, revokeSeat } from '@daasvader/chain/calls/admin.ts';
import { giveUpLead, takeLead } from '@daasvader/chain/calls/lead.ts';
import { activateWorker, setWorkerStatus } from '@daasvader/chain/calls/operator.ts';
import { stakeAndRegisterWorker } from '@daasvader/chain/calls/worker-owner.ts';
import { WORKER_STATUS } from '@daasvader/chain/codes.ts';
import { readCommittee } from '@daasvader/chain/committee.ts';
import { submit } from '@daasvader/chain/submit.ts';
import type { Chain } from '@daasvader/enclave/boot/chain.ts';
import { type Followed, followChain } from '@daasvader/enclave/boot/following.ts';
import { beatUntilSynced } from '@daasvader/enclave/chain/heartbeat.ts';
import type { HostServices } from '@daasvader/enclave/chain/host-services.ts';
import { beginInTerm, lead, untilSeated } from '@daasvader/enclave/chain/lead.ts';
import { Operator } from '@daasvader/enclave/chain/operator.ts';
import { type RegistrationOptions, register, takeSeat } from '@daasvader/enclave/chain/registration.ts';
import type { Statement } from '@daasvader/enclave/chain/writer.ts';
import { Metrics } from '@daasvader/enclave/metrics.ts';
import { generateSealKey } from '@daasvader/seal/seal.ts';
import { ChainCluster } from '@daasvader/testbed/cluster/chain-cluster.ts';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';

const SUI = 1_000_000_000n;
const log = pino({ enabled: false });
const { active, offline, pending } = WORKER_STATUS;

let cluster: ChainCluster;
let stop: AbortController;
const running: Promise<unknown>[] = [];

beforeEach(async () => {
  cluster = await ChainCluster.start();
  stop = new AbortController();
  const owner = await cluster.fundedAccount();
  const { publicKey: sealToken } = await generateSealKey();
  const identityKey = new Ed25519Keypair().getPublicKey().toRawBytes();
  const worker = { stake: 5n * SUI, nodeId: 'worker-1', sealToken, identityKey };
  await submit(cluster.client, owner, (tx) => stakeAndRegisterWorker(tx, cluster.deployment, worker));
});

afterEach(async () => {
  stop.abort();
  await Promise.all(running.splice(0));
  await cluster.close();
});

/** A way to the chain on which a host lets nothing through that it wants to keep for later. */
class Host {
  isHolding = false;
  readonly #held: (() => Promise<unknown>)[] = [];
  readonly client: SuiGrpcClient;

  constructor(client: SuiGrpcClient) {
    const execute = client.executeTransaction.bind(client);
    const hold = (...asked: Parameters<typeof execute>) => {
      if (!this.isHolding) return execute(...asked);
      this.#held.push(() => execute(...asked));
      throw new Error('the host says that nobody answers');
    };
    this.client = new Proxy(client, {
      get: (target, name) => {
        if (name === 'executeTransaction') return hold;
        const value = Reflect.get(target, name) as unknown;
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  /** Lets through what it kept. @returns how much of it the chain carried out */
  async release(): Promise<number> {
    expect(this.#held.length).toBeGreaterThan(0);
    let done = 0;
    for (const send of this.#held)
      if (((await send()) as { $kind: string }).$kind === 'Transaction') done += 1;
    return done;
  }
}

/** What an enclave does on the chain, from its boot to its first heartbeat; nothing of Kubernetes. */
class Enclave {
  readonly host: Host;
  readonly followed: Followed;
  readonly waits: string[] = [];
  readonly registration: RegistrationOptions;
  readonly enclaveId: string;

  private constructor(
    fields: Pick<Enclave, 'host' | 'followed' | 'enclaveId'>,
    registration: RegistrationOptions,
  ) {
    this.host = fields.host;
    this.followed = fields.followed;
    this.enclaveId = fields.enclaveId;
    this.registration = registration;
  }

  /** @param services what its host offers; the cluster's first host unless given */
  static async boot(services: HostServices = cluster.services): Promise<Enclave> {
    const { nsm, deployment, devnet } = cluster;
    const host = new Host(cluster.client);
    const { client } = host;
    const operator = new Operator(client, services, new Ed25519Keypair());
    const nodes = [{ url: devnet.url, client: cluster.client }];
    const chain = {
      nodes,
      anyNode: { next: () => undefined },
      client,
      services,
      operator,
    } as unknown as Chain;
    const committee = await readCommittee(client);
    const canary = { reason: undefined, assert: () => undefined };
    const metrics = new Metrics();
    const options = { cluster: deployment, chain, committee, canary, metrics, log };
    const followed = followChain(options, stop.signal);
    running.push(followed.following);
    await followed.follower.listening;
    const binding = await cluster.bindingOf(operator.address);
    const registration = { operator, nsm, services, ids: deployment, binding };
    return new Enclave({ host, followed, enclaveId: await register(registration) }, registration);
  }

  /** Seated by its host, and proven to be. */
  async seat(): Promise<void> {
    await takeSeat(this.registration, this.enclaveId);
    await untilSeated(this.followed.standing, stop.signal);
  }

  async lead(): Promise<void> {
    const { registry, standing, seat, audit, clock, writer } = this.followed;
    const { operator } = this.registration;
    const onWait = async (what: string) => void this.waits.push(what);
    await lead({ operator, seat, registry, standing, log, onWait }, stop.signal);
    await beatUntilSynced({ writer, seat, standing, audit, clock }, stop.signal);
  }

  /** Says of the worker, once and for all, what it is. */
  say(status: number, subject = 'worker-1'): Promise<void> {
    const { seat, writer } = this.followed;
    const nodeId = 'worker-1';
    const build: Statement['build'] = (tx, act) =>
      status === active
        ? activateWorker(tx, seat, act, { nodeId, counter: 1n })
        : setWorkerStatus(tx, seat, act, { nodeId, status });
    return writer.submit({ subject, party: '', label: `${status}`, needed: () => true, build });
  }

  /** Has a host keep back what the enclave says. */
  async sayInVain(status: number): Promise<void> {
    this.host.isHolding = true;
    const { promise: kept, resolve } = Promise.withResolvers<void>();
    const { writer, seat } = this.followed;
    const build: Statement['build'] = (tx, act) => {
      setWorkerStatus(tx, seat, act, { nodeId: 'worker-1', status });
      setTimeout(resolve, 500);
    };
    void writer.submit({ subject: 'vain', party: '', label: 'vain', needed: () => true, build });
    await kept;
    writer.stop();
    this.host.isHolding = false;
  }
}

const statusOf = async () => (await cluster.reader.worker('worker-1'))?.status;

async function bootLeader(): Promise<Enclave> {
  const enclave = await Enclave.boot();
  await enclave.seat();
  await enclave.lead();
  return enclave;
}

test('the first enclave needs nobody: it is seated, leads, beats, and its word counts', async () => {
  const enclave = await bootLeader();
  const { standing, freshness } = enclave.followed;
  const host = cluster.host.toSuiAddress();
  expect(standing).toMatchObject({ term: 1n, lost: undefined, host, enclaveId: enclave.enclaveId });
  expect(freshness.reason).toBeUndefined();
  expect(enclave.waits).toEqual([]);
  expect(await statusOf()).toBe(pending);
  await enclave.say(active);
  expect(await statusOf()).toBe(active);
});

test('a statement that the chain refuses keeps none that go with it from being made', async () => {
  const enclave = await bootLeader();
  const noStatus = 9;
  void enclave.say(noStatus, 'bad');
  await Promise.all([enclave.say(active), enclave.say(active, 'again')]);
  expect(await statusOf()).toBe(active);
});

test('what the host kept for a moment, while the enclave still leads, counts', async () => {
  const enclave = await bootLeader();
  await enclave.say(active);
  await enclave.sayInVain(offline);
  expect(await statusOf()).toBe(active);
  expect(await enclave.host.release()).toBeGreaterThan(0);
  expect(await statusOf()).toBe(offline);
});

test('of two enclaves of one seat the later one leads; what the host kept of the other does nothing', async () => {
  const first = await bootLeader();
  await first.say(active);
  await first.sayInVain(offline);
  const second = await bootLeader();
  expect(await first.host.release()).toBe(0);
  expect(await statusOf()).toBe(active);
  const { standing, freshness } = first.followed;
  await expect.poll(() => standing.lost).toContain('took its seat');
  expect(freshness.reason).toBe(standing.lost);
  expect(second.followed.standing).toMatchObject({ term: 2n, lost: undefined });
  expect(second.waits).toEqual([]);
  await second.say(offline);
  expect(await statusOf()).toBe(offline);
});

test('an enclave that the host keeps from leading leaves nothing behind either, once another led', async () => {
  const first = await Enclave.boot();
  await first.seat();
  first.host.isHolding = true;
  const leading = first.lead().catch(() => undefined);
  await expect.poll(() => first.followed.standing.host).toBeDefined();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  first.host.isHolding = false;
  await bootLeader();
  expect(await first.host.release()).toBe(0);
  await leading;
  const { lease } = await cluster.reader.registry();
  expect(lease.term).toBe('1');
  expect(lease.leader?.enclaveId).not.toBe(first.enclaveId);
});

test('what was signed in a term that is over does nothing', async () => {
  const enclave = await bootLeader();
  await enclave.say(active);
  await enclave.sayInVain(offline);
  const { seat, standing, clock } = enclave.followed;
  await enclave.registration.operator.execute((tx) =>
    giveUpLead(tx, seat, beginInTerm(tx, seat, standing, clock.now())),
  );
  await enclave.registration.operator.execute((tx) => takeLead(tx, seat, 1n));
  expect(await enclave.host.release()).toBe(0);
  expect(await statusOf()).toBe(active);
});

test('an enclave of another host waits for the lead, says so, and has it when the seat before it is revoked', async () => {
  const { client, admin, deployment } = cluster;
  const other = await cluster.fundedAccount();
  await submit(client, admin, (tx) => appointHost(tx, deployment, other.toSuiAddress()));
  const first = await bootLeader();
  const second = await Enclave.boot(await cluster.servicesOf(other));
  const stolen = takeSeat({ ...second.registration, services: cluster.services }, second.enclaveId);
  await expect(stolen, 'the first host did not pay for it').rejects.toThrow('EOtherHost');
  await second.seat();
  const leading = second.lead();
  const host = cluster.host.toSuiAddress();
  await expect.poll(() => second.waits).toEqual([expect.stringContaining(`host ${host} has in term 1`)]);
  await first.say(active);
  await submit(client, admin, (tx) => revokeSeat(tx, deployment, host));
  await leading;
  expect(second.followed.standing).toMatchObject({ term: 2n, host: other.toSuiAddress() });
  await expect.poll(() => first.followed.standing.lost).toContain('revoked');
  await second.say(offline);
  expect(await statusOf()).toBe(offline);
});
