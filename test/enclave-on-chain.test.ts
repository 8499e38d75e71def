import { activateWorker } from '@daasvader/chain/calls/operator.ts';
import { stake, submitK8sRequest } from '@daasvader/chain/calls/user.ts';
import { stakeAndRegisterWorker } from '@daasvader/chain/calls/worker-owner.ts';
import { readCommittee } from '@daasvader/chain/committee.ts';
import { eventName } from '@daasvader/chain/events.ts';
import type { RawEvent } from '@daasvader/chain/log.ts';
import { submit } from '@daasvader/chain/submit.ts';
import { Follower } from '@daasvader/enclave/chain/follower.ts';
import { Freshness } from '@daasvader/enclave/chain/freshness.ts';
import { register } from '@daasvader/enclave/chain/registration.ts';
import { Metrics } from '@daasvader/enclave/metrics.ts';
import type { Nsm } from '@daasvader/enclave/nsm/nsm.ts';
import { generateSealKey } from '@daasvader/seal/seal.ts';
import { ChainCluster } from '@daasvader/testbed/cluster/chain-cluster.ts';
import { type ActOptions, ChainEnclave } from '@daasvader/testbed/cluster/chain-enclave.ts';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const SUI = 1_000_000_000n;

let cluster: ChainCluster;

beforeAll(async () => {
  cluster = await ChainCluster.start();
});

afterAll(() => cluster.close());

describe('registration', () => {
  test('an enclave registers with its document, is seated by its host, leads and beats, all paid by the host', async () => {
    const enclave = await ChainEnclave.leading(cluster);
    const { enclaveId } = enclave.ids;
    const { seats, lease } = await cluster.reader.registry();
    const host = cluster.host.toSuiAddress();
    expect(seats.list).toEqual([expect.objectContaining({ host, enclaveId })]);
    expect(lease).toMatchObject({ term: '1', leader: { host, enclaveId } });
    const { operator, measurementVersion } = await cluster.reader.enclave(enclaveId);
    expect(operator).toBe(enclave.operator.address);
    expect(measurementVersion).toBe('sources');
    await expect(enclave.beat()).resolves.toMatchObject({ digest: expect.any(String) });
    expect((await cluster.reader.registry()).lease.inSync).toEqual([host]);
  });

  test('a successor takes the seat and the lead over, and the predecessor can do nothing more', async () => {
    const predecessor = await ChainEnclave.leading(cluster);
    const successor = await ChainEnclave.leading(cluster);
    await successor.beat();
    await expect(predecessor.beat()).rejects.toMatchObject({ name: 'ChainRefusal' });
  });

  test.each<[string, (nowMs: number, term: bigint) => ActOptions]>([
    ['in a term that is over', (_, term) => ({ term: term - 1n })],
    ['in a term that is not reached', (_, term) => ({ term: term + 1n })],
    ['and let through after its last moment', (nowMs) => ({ notAfterMs: BigInt(nowMs) - 1n })],
    ['to be held back for longer than five minutes', (nowMs) => ({ notAfterMs: BigInt(nowMs) + 400_000n })],
  ])('what the operator signed %s does nothing', async (_, limits) => {
    const enclave = await ChainEnclave.leading(cluster);
    const { stateVersion } = await cluster.reader.registry();
    const nowMs = await cluster.reader.timeMs();
    const late = enclave.beat(limits(nowMs, enclave.term));
    await expect(late).rejects.toMatchObject({ name: 'ChainRefusal' });
    expect((await cluster.reader.registry()).stateVersion).toBe(stateVersion);
    await enclave.beat();
  });

  test("a document that speaks of another operator's keys registers nobody", async () => {
    const enclave = await ChainEnclave.boot(cluster);
    const binding = await cluster.bindingOf(cluster.admin.toSuiAddress());
    await expect(register({ ...enclave, binding })).rejects.toMatchObject({ name: 'ChainRefusal' });
  });

  test('an enclave is not registered under a document that is no document', async () => {
    const enclave = await ChainEnclave.boot(cluster);
    const nsm = { attest: async () => new Uint8Array(100) } as unknown as Nsm;
    await expect(register({ ...enclave, nsm })).rejects.toMatchObject({ name: 'ChainRefusal' });
  });
});

describe('follower', () => {
  test('it sees every event of every log, those from before it started too, and the heads confirm them', async () => {
    const enclave = await ChainEnclave.leading(cluster);
    const seen: RawEvent[] = [];
    const synced = Promise.withResolvers<void>();
    const follower = await startFollower((event) => seen.push(event), synced.resolve);
    await useCluster(enclave);
    await enclave.beat({ onSigned: follower.freshness.sent });
    await synced.promise;
    follower.stop();
    const { registry, workers, staking, scheduler } = await logs();
    const names = (logId: string) =>
      seen.filter((event) => event.logId === logId).map(({ type }) => eventName(type));
    expect(names(registry.id)).toHaveLength(Number(registry.seq));
    expect(names(workers.id)).toEqual([
      'WorkerRegisteredEvent',
      'StakeDepositedEvent',
      'WorkerCounterEvent',
      'WorkerStatusChangedEvent',
    ]);
    expect(names(staking.id)).toEqual(['RoleStakesProposedEvent', 'UserStakedEvent']);
    expect(names(scheduler.id)).toEqual(['K8sAPIRequestScheduledEvent']);
    expect(follower.subject.status).toMatchObject({ halted: undefined, logs: { [workers.id]: 4 } });
  });

  test('what one follower gave the host to keep, the next one takes from there', async () => {
    const { registry } = await logs();
    const kept = await cluster.services.events(registry.id, 1);
    expect(kept.map(({ seq }) => seq)).toEqual(Array.from({ length: Number(registry.seq) }, (_, i) => i + 1));
  });
});

async function startFollower(onEvent: (event: RawEvent) => void, onHeads: () => void) {
  const { client, services, deployment, devnet } = cluster;
  const freshness = new Freshness(60_000);
  const { originalPackageId, registryId, workersId, stakingId, schedulerId } = deployment;
  const subject = new Follower({
    ...{ services, registryId, onEvent, onHeads, freshness },
    packages: new Set([originalPackageId]),
    nodes: [{ url: devnet.url, client }],
    committee: await readCommittee(client),
    metrics: new Metrics(),
    logIds: [registryId, workersId, stakingId, schedulerId],
    log: pino({ enabled: false }),
  });
  const abort = new AbortController();
  void subject.run(abort.signal);
  return { subject, freshness, stop: () => abort.abort() };
}

/** A worker joins, a user stakes and asks for a pod. */
async function useCluster(enclave: ChainEnclave): Promise<void> {
  const { client, deployment } = cluster;
  const [owner, user] = [await cluster.fundedAccount(), await cluster.fundedAccount()];
  const { publicKey: sealToken } = await generateSealKey();
  await submit(client, owner, (tx) =>
    stakeAndRegisterWorker(tx, deployment, {
      ...{ stake: 5n * SUI, nodeId: 'worker-1', sealToken },
      identityKey: new Ed25519Keypair().getPublicKey().toRawBytes(),
    }),
  );
  await enclave.act((tx, act) => activateWorker(tx, enclave.ids, act, { nodeId: 'worker-1', counter: 1n }));
  await submit(client, user, (tx) => stake(tx, deployment, 2n * SUI));
  await submit(client, user, (tx) =>
    submitK8sRequest(tx, deployment, {
      method: 'POST',
      path: '/api/v1/namespaces/default/pods',
      name: 'web',
      labels: 'app=web',
      namespace: 'default',
      containerName: 'web',
      image: 'nginx:1.27',
      port: '80',
      requester: user.toSuiAddress(),
    }),
  );
}

async function logs() {
  const { reader } = cluster;
  const [registry, workers, staking, scheduler] = await Promise.all([
    reader.registry(),
    reader.workers(),
    reader.staking(),
    reader.scheduler(),
  ]);
  const of = ({ id, log }: { id: string; log: { seq: string } }) => ({ id, seq: log.seq });
  return { registry: of(registry), workers: of(workers), staking: of(staking), scheduler: of(scheduler) };
}
