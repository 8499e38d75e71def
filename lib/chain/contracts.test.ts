import { TransactionEvents } from '@daasvader/checkpoint/layouts.ts';
import { namespaceOf } from '@daasvader/enclave/kube/names.ts';
import { SeatedCluster } from '@daasvader/testbed/cluster/seated-cluster.ts';
import type { Signer } from '@mysten/sui/cryptography';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import type { Transaction } from '@mysten/sui/transactions';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as adminCalls from './calls/admin.ts';
import * as imageCalls from './calls/image-owner.ts';
import * as operatorCalls from './calls/operator.ts';
import * as userCalls from './calls/user.ts';
import * as ownerCalls from './calls/worker-owner.ts';
import {
  type ChainEvent,
  decodeEvent,
  decodeHeartbeat,
  type EventOf,
  encodeEvent,
  eventName,
} from './events.ts';
import { EVENTS } from './layouts.ts';
import { EMPTY_HEAD, foldHead, type LogHead, logPrefix, type RawEvent } from './log.ts';
import { ContractReader } from './objects.ts';
import { contractEvents, createdObject, submit } from './submit.ts';

const SUI = 1_000_000_000n;
const WEEK_MS = 7 * 24 * 3_600_000;
const NODE = 'worker-1';
const DIGEST = new Uint8Array(32).fill(7);

let cluster: SeatedCluster;
let reader: ContractReader;
let seat: operatorCalls.SeatIds;
let provider: Signer;
let user: Signer;

beforeAll(async () => {
  cluster = await SeatedCluster.start();
  reader = new ContractReader(cluster.client, cluster.deployment);
  seat = { ...cluster.deployment, enclaveId: (await reader.registry()).seat! };
  provider = cluster.devnet.accounts[1]!;
  user = cluster.devnet.accounts[2]!;
});

afterAll(() => cluster.close());

/** Sends one transaction and tells the contracts' events. */
async function send(signer: Signer, build: (tx: Transaction) => void): Promise<ChainEvent[]> {
  return contractEvents(await submit(cluster.client, signer, build), cluster.deployment.packageId);
}

const operate = (build: (tx: Transaction) => void) => send(cluster.controlPlane.operator, build);
const own = (build: (tx: Transaction) => void) => send(provider, build);
const use = (build: (tx: Transaction) => void) => send(user, build);
const kinds = (events: ChainEvent[]) => events.map(({ kind }) => kind);

function request(name: string): userCalls.RequestArgs {
  return {
    method: 'POST',
    path: '/apis/apps/v1/namespaces/default/deployments',
    name,
    labels: `app=${name}`,
    namespace: 'default',
    containerName: name,
    image: 'web:1',
    port: '80',
    requester: user.toSuiAddress(),
  };
}

describe('workers', () => {
  test('a worker is registered with its stake', async () => {
    const args = { stake: 5n * SUI, nodeId: NODE, sealToken: 'a'.repeat(64) };
    const events = await own((tx) => ownerCalls.stakeAndRegisterWorker(tx, cluster.deployment, args));
    expect(events).toMatchObject([
      { kind: 'WorkerRegisteredEvent', seq: '1', nodeId: NODE, owner: provider.toSuiAddress() },
      { kind: 'StakeDepositedEvent', seq: '2', amount: '5000000000', total: '5000000000' },
    ]);
    expect(await reader.worker(NODE)).toMatchObject({ status: 0, sealToken: args.sealToken });
    expect(await reader.worker('worker-2')).toBeUndefined();
  });

  test('the operator activates it and hands it a credential', async () => {
    const ciphertext = new Uint8Array([1, 2, 3]);
    await operate((tx) => {
      operatorCalls.activateWorker(tx, seat, NODE);
      operatorCalls.setJoinToken(tx, seat, { nodeId: NODE, ciphertext });
    });
    expect(await reader.worker(NODE)).toMatchObject({ status: 1, joinToken: ciphertext });
  });

  test('its owner adds stake, drains, resumes and refreshes', async () => {
    const events = await own((tx) => {
      ownerCalls.addStake(tx, cluster.deployment, { stake: SUI, nodeId: NODE });
      ownerCalls.drainWorker(tx, cluster.deployment, NODE);
      ownerCalls.resumeWorker(tx, cluster.deployment, NODE);
      ownerCalls.refreshSealToken(tx, cluster.deployment, { nodeId: NODE, sealToken: 'b'.repeat(64) });
    });
    expect(kinds(events)).toEqual([
      'StakeDepositedEvent',
      'WorkerStatusChangedEvent',
      'WorkerStatusChangedEvent',
      'SealTokenRefreshedEvent',
    ]);
  });
});

describe('requests', () => {
  test('stake gives a role', async () => {
    await use((tx) => userCalls.stake(tx, cluster.deployment, 2n * SUI));
    expect(await reader.role(user.toSuiAddress())).toEqual({ role: 2, stake: 2n * SUI });
    await use((tx) => userCalls.restake(tx, cluster.deployment, 8n * SUI));
    expect(await reader.role(user.toSuiAddress())).toEqual({ role: 4, stake: 10n * SUI });
    expect(await reader.role(provider.toSuiAddress())).toEqual({ role: 0, stake: 0n });
  });

  test('the admin proposes other stakes of roles, and a role follows them', async () => {
    const doubled = { viewer: SUI, developer: 4n * SUI, admin: 10n * SUI, super: 20n * SUI };
    const [proposed] = await send(cluster.admin, (tx) =>
      adminCalls.proposeRoleStakes(tx, cluster.deployment, doubled),
    );
    const roleStakes = {
      viewer: '1000000000',
      developer: '4000000000',
      admin: '10000000000',
      super: '20000000000',
    };
    expect(proposed).toMatchObject({ kind: 'RoleStakesProposedEvent', roleStakes });
    expect((await reader.staking()).roleStakes).toMatchObject({ current: roleStakes, pending: null });
    expect(await reader.role(user.toSuiAddress())).toEqual({ role: 3, stake: 10n * SUI });
    await expect(
      use((tx) => adminCalls.proposeRoleStakes(tx, cluster.deployment, doubled)),
    ).rejects.toMatchObject({
      code: 'execution',
    });
    const first = { viewer: SUI / 2n, developer: 2n * SUI, admin: 5n * SUI, super: 10n * SUI };
    await send(cluster.admin, (tx) => adminCalls.proposeRoleStakes(tx, cluster.deployment, first));
    expect(await reader.role(user.toSuiAddress())).toEqual({ role: 4, stake: 10n * SUI });
  });

  test('a request is scheduled, started and completed', async () => {
    const events = await use((tx) => userCalls.submitK8sRequest(tx, cluster.deployment, request('web')));
    expect(events).toMatchObject([
      { kind: 'K8sAPIRequestScheduledEvent', requestId: '1', ...request('web'), role: 4, worker: NODE },
      { kind: 'WorkerAssignedEvent', requestId: '1', nodeId: NODE },
    ]);
    await operate((tx) => operatorCalls.startRequest(tx, seat, 1n));
    await operate((tx) => operatorCalls.completeRequest(tx, seat, { requestId: 1n, resultDigest: DIGEST }));
    expect(await reader.request(1n)).toMatchObject({ status: 2, resultDigest: DIGEST, worker: NODE });
    expect(await reader.request(2n)).toBeUndefined();
  });

  test('a manifest is carried whole; the request fails with its reason', async () => {
    const manifest = Buffer.from('{"kind":"ConfigMap"}');
    const path = '/api/v1/namespaces/default/configmaps';
    const [scheduled] = await use((tx) =>
      userCalls.submitManifest(tx, cluster.deployment, {
        method: 'POST',
        path,
        namespace: 'default',
        manifest,
      }),
    );
    expect(Buffer.from((scheduled as EventOf<'K8sAPIRequestScheduledEvent'>).manifest)).toEqual(manifest);
    const [failed] = await operate((tx) =>
      operatorCalls.failRequest(tx, seat, { requestId: 2n, reason: 'no', applied: true }),
    );
    expect(failed).toMatchObject({ kind: 'RequestFailedEvent', reason: 'no', applied: true });
    expect(await reader.request(2n)).toMatchObject({ status: 3, reason: 'no', applied: true, outcome: null });
  });

  test('a request is reassigned, started, cancelled and settled', async () => {
    await use((tx) => userCalls.submitK8sRequest(tx, cluster.deployment, request('api')));
    await operate((tx) => operatorCalls.reassignRequest(tx, seat, 3n));
    await operate((tx) => operatorCalls.startRequest(tx, seat, 3n));
    await use((tx) => userCalls.cancelRequest(tx, cluster.deployment, 3n));
    const { method, path, name } = request('api');
    expect(await reader.request(3n)).toMatchObject({ method, path, name, status: 4, outcome: null });
    const settle = (outcome: number) =>
      operate((tx) => operatorCalls.settleCancelledRequest(tx, seat, { requestId: 3n, outcome }));
    const [settled] = await settle(1);
    expect(settled).toMatchObject({ kind: 'RequestCancellationSettledEvent', requestId: '3', outcome: 1 });
    expect(await reader.request(3n)).toMatchObject({ status: 4, outcome: 1 });
    await expect(settle(2)).rejects.toMatchObject({ abort: { name: 'EBadTransition' } });
    expect(await reader.scheduler()).toMatchObject({ activeCount: '0', nextId: '4' });
  });
});

test('a granted role is used in the namespace of its owner, and taken back', async () => {
  const [owner, guest] = [user.toSuiAddress(), provider.toSuiAddress()];
  const namespace = namespaceOf(owner);
  const grant = { namespace, user: guest, role: 2 };
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  const args = { method: 'POST', path, namespace, manifest: Buffer.from('{}') };
  const [granted] = await use((tx) => userCalls.grantRole(tx, cluster.deployment, grant));
  expect(granted).toMatchObject({ kind: 'RoleGrantedEvent', owner, ...grant });
  const [scheduled] = await own((tx) => userCalls.submitManifest(tx, cluster.deployment, args));
  expect(scheduled).toMatchObject({ requester: guest, owner, role: 2, namespace });
  const requestId = BigInt((scheduled as EventOf<'K8sAPIRequestScheduledEvent'>).requestId);
  expect(await reader.request(requestId)).toMatchObject({ requester: guest, owner });
  await use((tx) => userCalls.cancelRequest(tx, cluster.deployment, requestId));
  const [revoked] = await use((tx) => userCalls.revokeRole(tx, cluster.deployment, grant));
  expect(revoked).toMatchObject({ kind: 'RoleGrantedEvent', owner, user: guest, role: 0 });
  await expect(own((tx) => userCalls.submitManifest(tx, cluster.deployment, args))).rejects.toMatchObject({
    abort: { module: 'k8s_scheduler', name: 'EBadNamespace' },
  });
});

test('a manifest is named by its digest and travels as a reference', async () => {
  const args = { method: 'POST', path: '/api/v1/namespaces/default/configmaps', namespace: 'default' };
  const blobId = new Uint8Array(32).fill(0xab);
  const [scheduled] = await use((tx) =>
    userCalls.submitManifestReference(tx, cluster.deployment, { ...args, digest: DIGEST, blobId }),
  );
  const { manifest, requestId } = scheduled as EventOf<'K8sAPIRequestScheduledEvent'>;
  expect(JSON.parse(Buffer.from(manifest).toString())).toEqual({
    apiVersion: 'daasvader/v1',
    kind: 'ManifestReference',
    sha256: '07'.repeat(32),
    walrusBlobId: 'ab'.repeat(32),
  });
  await use((tx) => userCalls.cancelRequest(tx, cluster.deployment, BigInt(requestId)));
});

test('an image is published, given away and removed', async () => {
  const ids = { packageId: cluster.deployment.packageId, imagesId: cluster.deployment.imagesId! };
  const image = { name: 'me/web', tag: 'v1', digest: DIGEST, blobId: new Uint8Array(32) };
  await own((tx) => imageCalls.publishImage(tx, ids, image));
  expect(await reader.image('me/web', 'v1')).toMatchObject({ digest: DIGEST });
  await expect(use((tx) => imageCalls.removeImage(tx, ids, image))).rejects.toMatchObject({
    abort: { module: 'image_registry', name: 'ENotOwner' },
  });
  await own((tx) =>
    imageCalls.transferImageName(tx, ids, { name: image.name, newOwner: user.toSuiAddress() }),
  );
  await use((tx) => imageCalls.removeImage(tx, ids, image));
  expect(await reader.image('me/web', 'v1')).toBeUndefined();
});

describe('refusals', () => {
  const refused = (module: string, name: string) => ({ code: 'abort', abort: { module, name } });

  test('the abort is named', async () => {
    await expect(own((tx) => operatorCalls.activateWorker(tx, seat, NODE))).rejects.toMatchObject(
      refused('enclave_registry', 'ENotOperator'),
    );
    await expect(use((tx) => ownerCalls.drainWorker(tx, cluster.deployment, NODE))).rejects.toMatchObject(
      refused('worker_registry', 'ENotOwner'),
    );
    const foreign = { ...request('web'), requester: provider.toSuiAddress() };
    await expect(
      use((tx) => userCalls.submitK8sRequest(tx, cluster.deployment, foreign)),
    ).rejects.toMatchObject(refused('k8s_scheduler', 'ENotRequester'));
  });

  test('nobody but its owner uses the admin capability', async () => {
    await expect(own((tx) => adminCalls.revokeSeat(tx, cluster.deployment))).rejects.toMatchObject({
      code: 'execution',
    });
    expect((await reader.registry()).seat).toBe(seat.enclaveId);
  });

  test('a full node that does not answer has refused nothing', async () => {
    const client = new SuiGrpcClient({ network: 'devnet-local', baseUrl: 'http://127.0.0.1:1' });
    await expect(
      submit(client, user, (tx) => userCalls.restake(tx, cluster.deployment, SUI)),
    ).rejects.toMatchObject({ code: 'unreachable' });
  });

  test('what was executed but is not shown is told by its digest', async () => {
    const client = new SuiGrpcClient({ network: 'devnet-local', baseUrl: cluster.devnet.url });
    client.waitForTransaction = async () => {
      throw new TypeError('fetch failed');
    };
    const before = await reader.role(user.toSuiAddress());
    const error = await submit(client, user, (tx) => userCalls.restake(tx, cluster.deployment, SUI)).catch(
      (thrown) => thrown,
    );
    expect(error).toMatchObject({ code: 'unreachable', message: expect.stringContaining(error.digest) });
    await cluster.client.waitForTransaction({ digest: error.digest });
    expect((await reader.role(user.toSuiAddress())).stake).toBe(before.stake + SUI);
  });

  test('an enclave that registered but is not in the seat is refused', async () => {
    const { controlPlane, deployment, client } = cluster;
    const { operator, binding } = controlPlane;
    const opened = await submit(client, operator, (tx) => operatorCalls.openRegistration(tx, deployment));
    const ticketId = createdObject(opened, '::enclave_registry::RegistrationTicket');
    const document = await controlPlane.attest(Buffer.from(ticketId.slice(2), 'hex'));
    const registered = await submit(client, operator, (tx) =>
      operatorCalls.registerEnclave(tx, deployment, { ...binding, ticketId, document }),
    );
    const enclaveId = createdObject(registered, '::enclave_registry::Enclave');
    expect(await reader.enclave(enclaveId)).toMatchObject({ operator: operator.toSuiAddress() });
    await expect(
      operate((tx) => operatorCalls.activateWorker(tx, { ...seat, enclaveId }, NODE)),
    ).rejects.toMatchObject(refused('enclave_registry', 'ENotSeated'));
  });

  test('a document that answers another ticket is refused', async () => {
    const { controlPlane, deployment, client } = cluster;
    const { operator, binding } = controlPlane;
    const opened = await submit(client, operator, (tx) => operatorCalls.openRegistration(tx, deployment));
    const ticketId = createdObject(opened, '::enclave_registry::RegistrationTicket');
    const document = await controlPlane.attest(new Uint8Array(32));
    await expect(
      operate((tx) => operatorCalls.registerEnclave(tx, deployment, { ...binding, ticketId, document })),
    ).rejects.toMatchObject(refused('enclave_registry', 'EWrongNonce'));
  });
});

test('the admin proposes another minimum of stake, and nobody else does', async () => {
  const [proposed] = await send(cluster.admin, (tx) =>
    adminCalls.proposeMinStake(tx, cluster.deployment, 6n * SUI),
  );
  expect(proposed).toMatchObject({ kind: 'MinStakeProposedEvent', minStake: '6000000000' });
  expect((await reader.workers()).minStake).toMatchObject({ pending: null, current: '6000000000' });
  await expect(own((tx) => adminCalls.proposeMinStake(tx, cluster.deployment, 1n))).rejects.toMatchObject({
    code: 'execution',
  });
  await send(cluster.admin, (tx) => adminCalls.proposeMinStake(tx, cluster.deployment, 5n * SUI));
});

describe('the end of a worker', () => {
  test('it is slashed, reinstated, and leaves', async () => {
    await operate((tx) => operatorCalls.setWorkerStatus(tx, seat, { nodeId: NODE, status: 3 }));
    const slash = { nodeId: NODE, reason: 1, evidenceDigest: DIGEST, shareBps: 5_000n };
    const [slashed] = await operate((tx) => operatorCalls.slash(tx, seat, slash));
    expect(slashed).toMatchObject({ amount: '3000000000', remaining: '3000000000' });
    await own((tx) => {
      const args = { stake: 2n * SUI, nodeId: NODE, sealToken: 'c'.repeat(64) };
      ownerCalls.reinstate(tx, cluster.deployment, args);
      ownerCalls.leave(tx, cluster.deployment, NODE);
    });
    expect((await reader.worker(NODE))?.status).toBe(5);
    expect((await reader.workers()).forfeited).toBe('3000000000');
  });

  test('after a week all stake is paid out', async () => {
    await own((tx) => ownerCalls.requestWorkerWithdraw(tx, cluster.deployment, NODE));
    await use((tx) => userCalls.requestWithdraw(tx, cluster.deployment, 10n * SUI));
    await expect(use((tx) => userCalls.withdraw(tx, cluster.deployment))).rejects.toMatchObject({
      abort: { name: 'EStillUnbonding' },
    });
    cluster.devnet.advanceTime(WEEK_MS);
    const [paid] = await own((tx) => ownerCalls.withdrawWorkerStake(tx, cluster.deployment, NODE));
    expect(paid).toMatchObject({ kind: 'StakeWithdrawnEvent', amount: '5000000000' });
    const [returned] = await use((tx) => userCalls.withdraw(tx, cluster.deployment));
    expect(returned).toMatchObject({ kind: 'UserWithdrawnEvent', amount: '10000000000' });
  });
});

/** Every event of the contracts since genesis, in the order of the chain. */
function allEvents(): Pick<RawEvent, 'type' | 'bytes'>[] {
  const { store } = cluster.devnet.chain;
  const length = store.latestCheckpoint()!.sequence + 1;
  const transactions = Array.from({ length }, (_, sequence) => store.transactionsOf(sequence));
  return transactions
    .flat()
    .flatMap(({ events }) => (events ? TransactionEvents.parse(events).data : []))
    .filter(({ packageId }) => packageId === cluster.deployment.packageId)
    .map(({ type, contents }) => ({
      type: `${type.address}::${type.module}::${type.name}`,
      bytes: contents,
    }));
}

/** The head of all events of a log since the beginning, as a reader folds it. */
function headOf(logId: string): LogHead {
  const events = allEvents()
    .filter(({ type }) => eventName(type) !== 'HeartbeatEvent')
    .map((event) => ({ ...event, ...logPrefix(event.bytes) }))
    .filter((event) => event.logId === logId);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => at + 1));
  return { logId, seq: events.length, head: events.reduce<Uint8Array>(foldHead, EMPTY_HEAD) };
}

describe('logs', () => {
  test('the heads of a heartbeat prove every event since the beginning', async () => {
    const [beat] = await operate((tx) => operatorCalls.heartbeat(tx, seat, DIGEST));
    expect(beat).toMatchObject({ kind: 'HeartbeatEvent', epoch: '1', stateVersion: '1', auditHead: DIGEST });
    const { registryId, workersId, stakingId, schedulerId } = cluster.deployment;
    const { heads } = decodeHeartbeat(allEvents().at(-1)!.bytes);
    expect(heads).toEqual([registryId, workersId, stakingId, schedulerId].map(headOf));
  });

  test('a revoked seat is empty, and its operator is none', async () => {
    await send(cluster.admin, (tx) => {
      adminCalls.retireMeasurement(tx, cluster.deployment, '1.0.0');
      adminCalls.revokeSeat(tx, cluster.deployment);
    });
    const { seat: seated, epoch, log } = await reader.registry();
    expect([seated, epoch]).toEqual([null, '2']);
    const { registryId } = cluster.deployment;
    expect(headOf(registryId)).toEqual({ logId: registryId, seq: Number(log.seq), head: log.head });
    await expect(operate((tx) => operatorCalls.heartbeat(tx, seat, DIGEST))).rejects.toMatchObject({
      abort: { name: 'ENotSeated' },
    });
  });

  test('every kind of event was seen, and is read to its last byte', () => {
    const seen = new Set<string>();
    for (const raw of allEvents()) {
      const event = decodeEvent(raw)!;
      expect(encodeEvent(event.kind, event as never)).toEqual(raw.bytes);
      seen.add(event.kind);
    }
    expect([...seen].sort()).toEqual([...Object.keys(EVENTS), 'HeartbeatEvent'].sort());
  });
});
