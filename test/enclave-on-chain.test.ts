import { activateWorker, heartbeat, type SeatIds } from '@daasvader/chain/calls/operator.ts';
import { stake, submitK8sRequest } from '@daasvader/chain/calls/user.ts';
import { stakeAndRegisterWorker } from '@daasvader/chain/calls/worker-owner.ts';
import { readCommittee } from '@daasvader/chain/committee.ts';
import { eventName } from '@daasvader/chain/events.ts';
import type { RawEvent } from '@daasvader/chain/log.ts';
import { submit } from '@daasvader/chain/submit.ts';
import { Follower } from '@daasvader/enclave/chain/follower.ts';
import { Freshness } from '@daasvader/enclave/chain/freshness.ts';
import { Operator } from '@daasvader/enclave/chain/operator.ts';
import { type RegistrationOptions, register, takeSeat } from '@daasvader/enclave/chain/registration.ts';
import { Metrics } from '@daasvader/enclave/metrics.ts';
import type { Nsm } from '@daasvader/enclave/nsm/nsm.ts';
import { generateSealKey } from '@daasvader/seal/seal.ts';
import { ChainCluster } from '@daasvader/testbed/cluster/chain-cluster.ts';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const SUI = 1_000_000_000n;
const AUDIT_HEAD = new Uint8Array(32);

let cluster: ChainCluster;

beforeAll(async () => {
  cluster = await ChainCluster.start();
});

afterAll(() => cluster.close());

/** An enclave that has just booted: a new operator without a coin. */
async function bootEnclave(): Promise<RegistrationOptions> {
  const { client, services, nsm, deployment } = cluster;
  const operator = new Operator(client, services, new Ed25519Keypair());
  return { operator, nsm, services, ids: deployment, binding: await cluster.bindingOf(operator.address) };
}

async function seatEnclave(): Promise<{ operator: Operator; seat: SeatIds }> {
  const enclave = await bootEnclave();
  const seat = await register(enclave);
  await takeSeat(enclave, seat);
  return { operator: enclave.operator, seat };
}

function beat(
  { operator, seat }: { operator: Operator; seat: SeatIds },
  onSigned?: (digest: string) => void,
) {
  return operator.execute((tx) => heartbeat(tx, seat, AUDIT_HEAD), onSigned);
}

describe('registration', () => {
  test('an enclave registers with its document, is seated by its host and beats, all paid by the host', async () => {
    const enclave = await seatEnclave();
    const registry = await cluster.reader.registry();
    expect(registry.seat).toBe(enclave.seat.enclaveId);
    const { operator, measurementVersion } = await cluster.reader.enclave(enclave.seat.enclaveId);
    expect(operator).toBe(enclave.operator.address);
    expect(measurementVersion).toBe('sources');
    await expect(beat(enclave)).resolves.toMatchObject({ digest: expect.any(String) });
  });

  test('a successor takes the seat over, and the predecessor can do nothing more', async () => {
    const predecessor = await seatEnclave();
    const successor = await seatEnclave();
    await beat(successor);
    await expect(beat(predecessor)).rejects.toMatchObject({ name: 'ChainRefusal' });
  });

  test("a document that speaks of another operator's keys registers nobody", async () => {
    const enclave = await bootEnclave();
    const binding = await cluster.bindingOf(cluster.admin.toSuiAddress());
    await expect(register({ ...enclave, binding })).rejects.toMatchObject({ name: 'ChainRefusal' });
  });

  test('an enclave is not registered under a document that is no document', async () => {
    const enclave = await bootEnclave();
    const nsm = { attest: async () => new Uint8Array(100) } as unknown as Nsm;
    await expect(register({ ...enclave, nsm })).rejects.toMatchObject({ name: 'ChainRefusal' });
  });
});

describe('follower', () => {
  test('it sees every event of every log, those from before it started too, and the heads confirm them', async () => {
    const enclave = await seatEnclave();
    const seen: RawEvent[] = [];
    const synced = Promise.withResolvers<void>();
    const follower = await startFollower((event) => seen.push(event), synced.resolve);
    await useCluster(enclave);
    await beat(enclave, follower.freshness.sent);
    await synced.promise;
    follower.stop();
    const { registry, workers, staking, scheduler } = await logs();
    const names = (logId: string) =>
      seen.filter((event) => event.logId === logId).map(({ type }) => eventName(type));
    expect(names(registry.id)).toHaveLength(Number(registry.seq));
    expect(names(workers.id)).toEqual([
      'WorkerRegisteredEvent',
      'StakeDepositedEvent',
      'WorkerStatusChangedEvent',
    ]);
    expect(names(staking.id)).toEqual(['RoleStakesProposedEvent', 'UserStakedEvent']);
    expect(names(scheduler.id)).toEqual(['K8sAPIRequestScheduledEvent', 'WorkerAssignedEvent']);
    expect(follower.subject.status).toMatchObject({ halted: undefined, logs: { [workers.id]: 3 } });
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
  const { packageId, registryId, workersId, stakingId, schedulerId } = deployment;
  const subject = new Follower({
    ...{ services, packageId, onEvent, onHeads, freshness },
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
async function useCluster({ operator, seat }: { operator: Operator; seat: SeatIds }): Promise<void> {
  const { client, deployment } = cluster;
  const [owner, user] = [await cluster.fundedAccount(), await cluster.fundedAccount()];
  const { publicKey: sealToken } = await generateSealKey();
  await submit(client, owner, (tx) =>
    stakeAndRegisterWorker(tx, deployment, { stake: 5n * SUI, nodeId: 'worker-1', sealToken }),
  );
  const ids: SeatIds = { ...deployment, enclaveId: seat.enclaveId };
  await operator.execute((tx) => activateWorker(tx, ids, 'worker-1'));
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
