import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { TransactionEvents } from '@daasvader/checkpoint/layouts.ts';
import { SeatedCluster } from '@daasvader/testbed/cluster/seated-cluster.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';
import type { Signer } from '@mysten/sui/cryptography';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import type { Transaction } from '@mysten/sui/transactions';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as adminCalls from './calls/admin.ts';
import * as anyoneCalls from './calls/anyone.ts';
import * as hostCalls from './calls/host.ts';
import * as imageCalls from './calls/image-owner.ts';
import * as leadCalls from './calls/lead.ts';
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
import { joinStatement } from './join-statement.ts';
import { EVENTS } from './layouts.ts';
import { EMPTY_HEAD, foldHead, type LogHead, logPrefix, type RawEvent } from './log.ts';
import { ContractReader, leaderOf } from './objects.ts';
import { contractEvents, createdObject, execute, type Submitted, submit } from './submit.ts';

const SUI = 1_000_000_000n;
const WEEK_MS = 7 * 24 * 3_600_000;
const NODE = 'worker-1';
const DIGEST = new Uint8Array(32).fill(7);
const CONFIG_MAP = {
  method: 'POST',
  path: '/api/v1/namespaces/default/configmaps',
  query: '',
  contentType: 'application/json',
};
/** The worker's, that it signs joins with. */
const identity = generateKeyPair();

let cluster: SeatedCluster;
let reader: ContractReader;
let capId: string;
let provider: Signer;
let user: Signer;

beforeAll(async () => {
  cluster = await SeatedCluster.start();
  reader = new ContractReader(cluster.client, cluster.deployment);
  provider = cluster.devnet.accounts[1]!;
  user = cluster.devnet.accounts[2]!;
});

afterAll(() => cluster.close());

function generateKeyPair() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  return { publicKey: Uint8Array.from(spki.subarray(-32)), privateKey };
}

/** A join of the worker under counter 4. */
function joinSigned(nonce: number): anyoneCalls.SignedJoin {
  const digest = new Uint8Array(32).fill(nonce);
  const statement = { clusterId: cluster.deployment.registryId, nodeId: NODE, counter: 4n, digest };
  return { digest, signature: sign(null, joinStatement(statement), identity.privateKey) };
}

/** Sends one transaction and tells the contracts' events. */
async function send(signer: Signer, build: (tx: Transaction) => void): Promise<ChainEvent[]> {
  return eventsOf(await submit(cluster.client, signer, build));
}

const eventsOf = (submitted: Submitted) => contractEvents(submitted, cluster.deployment.originalPackageId);
const operate = async (build: Parameters<SeatedCluster['operate']>[0]) =>
  eventsOf(await cluster.operate(build));
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
    const keys = { sealToken: 'a'.repeat(64), identityKey: identity.publicKey };
    const args = { stake: 5n * SUI, nodeId: NODE, ...keys };
    const registered = await submit(cluster.client, provider, (tx) =>
      ownerCalls.stakeAndRegisterWorker(tx, cluster.deployment, args),
    );
    capId = createdObject(registered, '::worker_registry::WorkerCap');
    expect(eventsOf(registered)).toMatchObject([
      { kind: 'WorkerRegisteredEvent', seq: '1', nodeId: NODE, owner: provider.toSuiAddress(), ...keys },
      { kind: 'StakeDepositedEvent', seq: '2', amount: '5000000000', total: '5000000000' },
    ]);
    expect(await reader.worker(NODE)).toMatchObject({ status: 0, offer: null, ...keys });
    expect(await reader.worker('worker-2')).toBeUndefined();
    expect(await reader.capIdOf(provider.toSuiAddress(), NODE)).toBe(capId);
    expect(await reader.capIdOf(provider.toSuiAddress(), 'worker-2')).toBeUndefined();
    expect(await reader.capIdOf(user.toSuiAddress(), NODE)).toBeUndefined();
  });

  test('the operator activates it, and says so again without harm', async () => {
    const activate = () =>
      operate((...operator) => operatorCalls.activateWorker(...operator, { nodeId: NODE, counter: 3n }));
    expect(kinds(await activate())).toEqual(['WorkerCounterEvent', 'WorkerStatusChangedEvent']);
    expect(await activate()).toEqual([]);
    expect(await reader.worker(NODE)).toMatchObject({ status: 1, counter: '3' });
  });

  test('its owner offers it, adds stake, drains, resumes and refreshes', async () => {
    const capacity = { cpuMilli: 4_000n, memoryMib: 8_192n, diskGib: 100n };
    const prices = { cpuPrice: 5n, memoryPrice: 6n, diskPrice: 7n };
    const offer = { ...capacity, ...prices, region: 'eu-1', gateway: true };
    const events = await own((tx) => {
      ownerCalls.setOffer(tx, cluster.deployment, { capId, ...offer });
      ownerCalls.addStake(tx, cluster.deployment, { stake: SUI, capId });
      ownerCalls.drainWorker(tx, cluster.deployment, capId);
      ownerCalls.resumeWorker(tx, cluster.deployment, capId);
      ownerCalls.refreshSealToken(tx, cluster.deployment, { capId, sealToken: 'b'.repeat(64) });
    });
    expect(kinds(events)).toEqual([
      'WorkerOfferedEvent',
      'StakeDepositedEvent',
      'WorkerStatusChangedEvent',
      'WorkerStatusChangedEvent',
      'SealTokenRefreshedEvent',
    ]);
    const told = { cpuMilli: '4000', diskPrice: '7', region: 'eu-1', gateway: true };
    expect(events[0]).toMatchObject(told);
    expect((await reader.worker(NODE))?.offer).toMatchObject(told);
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

  test('a request is scheduled, placed, started and completed', async () => {
    const [scheduled] = await use((tx) => userCalls.submitK8sRequest(tx, cluster.deployment, request('web')));
    const fields = { kind: 'K8sAPIRequestScheduledEvent', requestId: '1', ...request('web'), role: 4 };
    expect(scheduled).toMatchObject(fields);
    const events = await operate((...operator) => {
      operatorCalls.assignWorkers(...operator, { requestId: 1n, nodeIds: [NODE] });
      operatorCalls.startRequest(...operator, 1n);
      operatorCalls.completeRequest(...operator, { requestId: 1n, resultDigest: DIGEST });
    });
    expect(events).toMatchObject([
      { kind: 'WorkerAssignedEvent', requestId: '1', nodeId: NODE },
      { kind: 'RequestStartedEvent' },
      { kind: 'RequestCompletedEvent', resultDigest: DIGEST },
    ]);
    expect(await reader.request(1n)).toMatchObject({ status: 2, resultDigest: DIGEST, workers: [NODE] });
    expect(await reader.request(2n)).toBeUndefined();
  });

  test('a body is carried whole, in pieces; the request fails with its reason', async () => {
    const body = randomBytes(40_000);
    const [scheduled] = await use((tx) =>
      userCalls.submitRequest(tx, cluster.deployment, { ...CONFIG_MAP, body }),
    );
    expect(scheduled).toMatchObject({ kind: 'KubernetesRequestEvent', requestId: '2', ...CONFIG_MAP });
    const told = scheduled as EventOf<'KubernetesRequestEvent'>;
    expect(told.body).toHaveLength(3);
    expect(Buffer.concat(told.body.map((piece) => Uint8Array.from(piece)))).toEqual(body);
    const [failed] = await operate((...operator) =>
      operatorCalls.failRequest(...operator, { requestId: 2n, reason: 'no', applied: true }),
    );
    expect(failed).toMatchObject({ kind: 'RequestFailedEvent', reason: 'no', applied: true });
    expect(await reader.request(2n)).toMatchObject({ status: 3, reason: 'no', applied: true, outcome: null });
  });

  test('the largest body passes, and no larger one', async () => {
    const submitBody = (size: number) =>
      use((tx) =>
        userCalls.submitRequest(tx, cluster.deployment, { ...CONFIG_MAP, body: new Uint8Array(size) }),
      );
    const [scheduled] = await submitBody(userCalls.MAX_BODY_BYTES);
    const { body, requestId } = scheduled as EventOf<'KubernetesRequestEvent'>;
    expect(Buffer.concat(body.map((piece) => Uint8Array.from(piece)))).toHaveLength(98_304);
    await use((tx) => userCalls.cancelRequest(tx, cluster.deployment, BigInt(requestId)));
    await expect(submitBody(userCalls.MAX_BODY_BYTES + 1)).rejects.toMatchObject({ code: 'abort' });
  });

  test('a DELETE needs no body', async () => {
    const path = `${CONFIG_MAP.path}/settings`;
    const args = { ...CONFIG_MAP, method: 'DELETE', path, body: new Uint8Array() };
    const [scheduled] = await use((tx) => userCalls.submitRequest(tx, cluster.deployment, args));
    expect(scheduled).toMatchObject({ kind: 'KubernetesRequestEvent', method: 'DELETE', path, body: [] });
  });

  test('a request is started, cancelled, settled and deleted', async () => {
    const [scheduled] = await use((tx) => userCalls.submitK8sRequest(tx, cluster.deployment, request('api')));
    const requestId = BigInt((scheduled as EventOf<'K8sAPIRequestScheduledEvent'>).requestId);
    await operate((...operator) => operatorCalls.startRequest(...operator, requestId));
    await use((tx) => userCalls.cancelRequest(tx, cluster.deployment, requestId));
    expect(await reader.request(requestId)).toMatchObject({ status: 4, outcome: null });
    const prune = () => use((tx) => anyoneCalls.pruneRequest(tx, cluster.deployment, requestId));
    await expect(prune()).rejects.toMatchObject({ code: 'abort' });
    const settle = (outcome: number) =>
      operate((...operator) => operatorCalls.settleCancelledRequest(...operator, { requestId, outcome }));
    const [settled] = await settle(1);
    expect(settled).toMatchObject({ kind: 'RequestCancellationSettledEvent', outcome: 1 });
    expect(await settle(2)).toEqual([]);
    expect(await reader.request(requestId)).toMatchObject({ status: 4, outcome: 1 });
    await prune();
    expect(await reader.request(requestId)).toBeUndefined();
  });

  test('an order takes its fee from what the owner paid in; the host gets it', async () => {
    const owner = user.toSuiAddress();
    await send(cluster.admin, (tx) => adminCalls.proposeFee(tx, cluster.deployment, 100n));
    await expect(
      use((tx) => userCalls.submitK8sRequest(tx, cluster.deployment, request('paid'))),
    ).rejects.toMatchObject({ abort: { name: 'EFeeUnpaid' } });
    await own((tx) => anyoneCalls.depositFees(tx, cluster.deployment, { payment: 1_000n, owner }));
    expect(await reader.fees(owner)).toEqual({ fee: 100n, balance: 1_000n });
    await use((tx) => userCalls.submitK8sRequest(tx, cluster.deployment, request('paid')));
    const [taken] = await use((tx) => userCalls.withdrawFees(tx, cluster.deployment, 400n));
    expect(taken).toMatchObject({ kind: 'FeesWithdrawnEvent', amount: '400', total: '500' });
    expect(await reader.fees(owner)).toEqual({ fee: 100n, balance: 500n });
    const [collected] = await send(cluster.admin, (tx) => hostCalls.collectFees(tx, cluster.deployment));
    const host = cluster.admin.toSuiAddress();
    expect(collected).toMatchObject({ kind: 'FeesCollectedEvent', host, amount: '100' });
    await send(cluster.admin, (tx) => adminCalls.proposeFee(tx, cluster.deployment, 0n));
    expect(await reader.fees(provider.toSuiAddress())).toEqual({ fee: 0n, balance: 0n });
  });
});

test('an admin claims another namespace and gives it up', async () => {
  const owner = user.toSuiAddress();
  const namespace = `${namespaceOf(owner)}-test`;
  const [claimed] = await use((tx) => userCalls.claimNamespace(tx, cluster.deployment, namespace));
  expect(claimed).toMatchObject({ kind: 'NamespaceClaimedEvent', owner, namespace });
  expect(await reader.namespaces(owner)).toEqual([namespace]);
  const [released] = await use((tx) => userCalls.releaseNamespace(tx, cluster.deployment, namespace));
  expect(released).toMatchObject({ kind: 'NamespaceReleasedEvent', owner, namespace });
  expect(await reader.namespaces(owner)).toEqual([]);
  expect(await reader.namespaces(provider.toSuiAddress())).toEqual([]);
});

test('a granted role is used in the namespace of its owner, and taken back', async () => {
  const [owner, guest] = [user.toSuiAddress(), provider.toSuiAddress()];
  const namespace = namespaceOf(owner);
  const grant = { namespace, user: guest, role: 2 };
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  const args = { ...CONFIG_MAP, path, body: Buffer.from('{}') };
  const [granted] = await use((tx) => userCalls.grantRole(tx, cluster.deployment, grant));
  expect(granted).toMatchObject({ kind: 'RoleGrantedEvent', owner, ...grant });
  const [scheduled] = await own((tx) => userCalls.submitRequest(tx, cluster.deployment, args));
  expect(scheduled).toMatchObject({ requester: guest, owner, role: 2, namespace });
  const requestId = BigInt((scheduled as EventOf<'KubernetesRequestEvent'>).requestId);
  expect(await reader.request(requestId)).toMatchObject({ requester: guest, owner });
  await use((tx) => userCalls.cancelRequest(tx, cluster.deployment, requestId));
  const [revoked] = await use((tx) => userCalls.revokeRole(tx, cluster.deployment, grant));
  expect(revoked).toMatchObject({ kind: 'RoleGrantedEvent', owner, user: guest, role: 0 });
  await expect(own((tx) => userCalls.submitRequest(tx, cluster.deployment, args))).rejects.toMatchObject({
    abort: { module: 'k8s_scheduler', name: 'EBadNamespace' },
  });
});

test('a body is named by its digest and kept elsewhere', async () => {
  const blobId = new Uint8Array(32).fill(0xab);
  const body = { digest: DIGEST, size: 1_000_000n, blobId };
  const [scheduled] = await use((tx) =>
    userCalls.submitRequestByDigest(tx, cluster.deployment, { ...CONFIG_MAP, ...body }),
  );
  expect(scheduled).toMatchObject({ ...CONFIG_MAP, body: [], digest: DIGEST, size: '1000000', blobId });
  const { requestId } = scheduled as EventOf<'KubernetesRequestEvent'>;
  await use((tx) => userCalls.cancelRequest(tx, cluster.deployment, BigInt(requestId)));
});

test('an image is published, given away and removed', async () => {
  const ids = { packageId: cluster.deployment.packageId, imagesId: cluster.deployment.imagesId };
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
  await use((tx) => imageCalls.dropImageName(tx, ids, image.name));
  await own((tx) => imageCalls.publishImage(tx, ids, image));
});

describe('refusals', () => {
  const refused = (module: string, name: string) => ({ code: 'abort', abort: { module, name } });

  test('the abort is named', async () => {
    const { operatorIds: ids } = cluster;
    const notAfterMs = BigInt(await reader.timeMs());
    await expect(
      own((tx) => operatorCalls.beginAct(tx, ids, { term: 1n, notAfterMs })),
    ).rejects.toMatchObject(refused('enclave_registry', 'ENotOperator'));
    await expect(own((tx) => ownerCalls.resumeWorker(tx, cluster.deployment, capId))).rejects.toMatchObject(
      refused('worker_registry', 'EBadTransition'),
    );
    const foreign = { ...request('web'), requester: provider.toSuiAddress() };
    await expect(
      use((tx) => userCalls.submitK8sRequest(tx, cluster.deployment, foreign)),
    ).rejects.toMatchObject(refused('k8s_scheduler', 'ENotRequester'));
  });

  test('nobody but its owner uses the admin capability', async () => {
    const host = cluster.admin.toSuiAddress();
    await expect(own((tx) => adminCalls.revokeSeat(tx, cluster.deployment, host))).rejects.toMatchObject({
      code: 'execution',
    });
    expect(leaderOf(await reader.registry())).toBe(cluster.operatorIds.enclaveId);
  });

  test('nobody uses the capability of a worker that is not theirs', async () => {
    await expect(use((tx) => ownerCalls.drainWorker(tx, cluster.deployment, capId))).rejects.toMatchObject({
      code: 'execution',
    });
    expect((await reader.worker(NODE))?.status).toBe(1);
  });

  test('what the operator said for another term, or too late, does nothing', async () => {
    const { operatorIds: ids, controlPlane } = cluster;
    const nowMs = BigInt(await reader.timeMs());
    const act = (term: bigint, notAfterMs: bigint) =>
      send(controlPlane.operator, (tx) => operatorCalls.beginAct(tx, ids, { term, notAfterMs }));
    await expect(act(2n, nowMs + 60_000n)).rejects.toMatchObject({ abort: { name: 'EWrongTerm' } });
    await expect(act(1n, nowMs - 1n)).rejects.toMatchObject({ abort: { name: 'ETooLate' } });
    await expect(act(1n, nowMs + 400_000n)).rejects.toMatchObject({ abort: { name: 'ETooFar' } });
  });

  test('a transaction whose coin another one spent meanwhile is made anew, and agreed to once', async () => {
    const before = await reader.role(user.toSuiAddress());
    let asked = 0;
    const stake = (amount: bigint) => (tx: Transaction) => userCalls.restake(tx, cluster.deployment, amount);
    const { digest } = await execute(cluster.client, user, stake(SUI), async () => {
      asked += 1;
      await submit(cluster.client, user, stake(2n * SUI)); // after ours was made, before it is signed
    });
    await cluster.client.waitForTransaction({ digest });
    expect(asked).toBe(1);
    expect((await reader.role(user.toSuiAddress())).stake).toBe(before.stake + 3n * SUI);
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
    const notAfterMs = BigInt(await reader.timeMs());
    await expect(
      send(operator, (tx) =>
        operatorCalls.beginAct(tx, { ...deployment, enclaveId }, { term: 1n, notAfterMs }),
      ),
    ).rejects.toMatchObject(refused('enclave_registry', 'ENotSeated'));
    await send(operator, (tx) => anyoneCalls.closeEnclave(tx, deployment, enclaveId));
    await expect(reader.enclave(enclaveId)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('a document that answers another ticket is refused', async () => {
    const { controlPlane, deployment, client } = cluster;
    const { operator, binding } = controlPlane;
    const opened = await submit(client, operator, (tx) => operatorCalls.openRegistration(tx, deployment));
    const ticketId = createdObject(opened, '::enclave_registry::RegistrationTicket');
    const document = await controlPlane.attest(new Uint8Array(32));
    await expect(
      send(operator, (tx) =>
        operatorCalls.registerEnclave(tx, deployment, { ...binding, ticketId, document }),
      ),
    ).rejects.toMatchObject(refused('enclave_registry', 'EWrongNonce'));
    await send(operator, (tx) => operatorCalls.closeTicket(tx, deployment, ticketId));
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

describe('the lead', () => {
  test("the leader makes its authority the cluster's, and anchors its state", async () => {
    const caSha256 = Uint8Array.from(cluster.controlPlane.binding.caSha256);
    const anchor = { generation: 1n, position: 7n, digest: DIGEST, bytes: 99n };
    const [set, beat] = await operate((tx, ids, act) => {
      leadCalls.setIdentity(tx, ids, act);
      operatorCalls.anchorState(tx, ids, act, anchor);
      operatorCalls.heartbeat(tx, ids, act, { auditHead: DIGEST, inSync: [] });
    });
    expect(set).toMatchObject({ kind: 'IdentitySetEvent', generation: '1', caSha256 });
    expect(beat).toMatchObject({ anchor: { generation: '1', position: '7', digest: DIGEST, bytes: '99' } });
  });

  test('key servers are told to give the seated enclave the state key of now, and no other', async () => {
    const { controlPlane, operatorIds: ids } = cluster;
    const approve = (generation: bigint) =>
      send(controlPlane.operator, (tx) => leadCalls.sealApprove(tx, ids, generation));
    await approve(1n);
    await expect(approve(2n)).rejects.toMatchObject({ abort: { name: 'EWrongGeneration' } });
    await expect(own((tx) => leadCalls.sealApprove(tx, ids, 1n))).rejects.toMatchObject({ code: 'abort' });
  });

  test('it is given up and taken again, in another term', async () => {
    const { controlPlane, operatorIds: ids } = cluster;
    const [left] = await operate((...operator) => leadCalls.giveUpLead(...operator));
    expect(left).toMatchObject({ kind: 'LeadGivenUpEvent', term: '1' });
    expect(leaderOf(await reader.registry())).toBeUndefined();
    const take = () => send(controlPlane.operator, (tx) => leadCalls.takeLead(tx, ids, cluster.term));
    const [taken] = await take();
    expect(taken).toMatchObject({ kind: 'LeadTakenEvent', enclaveId: ids.enclaveId, term: '2' });
    await expect(take()).rejects.toMatchObject({ code: 'abort' });
    cluster.term = 2n;
  });
});

test('the admin proposes what else a cluster needs', async () => {
  const { deployment, admin } = cluster;
  const config = { appsDomain: 'apps.example', acmeDirectory: 'https://ca.example/dir' };
  const servers = [
    { id: `0x${'12'.repeat(32)}`, publicKey: new Uint8Array(96).fill(1), url: 'https://keys.example' },
  ];
  const events = await send(admin, (tx) => {
    adminCalls.setPublicConfig(tx, deployment, { ...config, acmeRoot: new Uint8Array([1, 2]) });
    adminCalls.setSealConfig(tx, deployment, { threshold: 1, servers });
    adminCalls.setMarket(tx, deployment, `0x${'34'.repeat(32)}`);
    adminCalls.proposeUpgrade(tx, deployment, DIGEST);
    adminCalls.withdrawUpgrade(tx, deployment);
    adminCalls.acceptState(tx, deployment, { position: 5n, digest: DIGEST });
    adminCalls.beginAnew(tx, deployment);
  });
  expect(events).toMatchObject([
    { kind: 'PublicConfigSetEvent', config },
    { kind: 'SealConfigSetEvent', config: { threshold: 1, servers } },
    { kind: 'MarketSetEvent', market: `0x${'34'.repeat(32)}` },
    { kind: 'UpgradeProposedEvent', digest: DIGEST },
    { kind: 'UpgradeWithdrawnEvent' },
    { kind: 'StateAcceptedEvent', position: '5', digest: DIGEST },
    { kind: 'AnewBegunEvent' },
  ]);
  await expect(send(admin, (tx) => adminCalls.migrate(tx, deployment))).rejects.toMatchObject({
    abort: { module: 'gate', name: 'ENothingToMigrate' },
  });
});

describe('the end of a worker', () => {
  test('it was in two places, is slashed, reinstated, and leaves', async () => {
    await operate((...operator) => operatorCalls.setWorkerStatus(...operator, { nodeId: NODE, status: 3 }));
    const proof = { nodeId: NODE, counter: 4n, first: joinSigned(1), second: joinSigned(2) };
    const slash = (args: typeof proof) =>
      use((tx) => anyoneCalls.slashDoubleIdentity(tx, cluster.deployment, args));
    await expect(slash({ ...proof, second: proof.first })).rejects.toMatchObject({
      abort: { name: 'EBadProof' },
    });
    await expect(slash({ ...proof, counter: 5n })).rejects.toMatchObject({ abort: { name: 'EBadProof' } });
    const [slashed] = await slash(proof);
    expect(slashed).toMatchObject({ counter: '4', amount: '3000000000', remaining: '3000000000' });
    await own((tx) => {
      const keys = { sealToken: 'c'.repeat(64), identityKey: new Uint8Array(32).fill(8) };
      ownerCalls.reinstate(tx, cluster.deployment, { stake: 2n * SUI, capId, ...keys });
      ownerCalls.leave(tx, cluster.deployment, capId);
    });
    expect((await reader.worker(NODE))?.status).toBe(5);
    expect((await reader.workers()).forfeited).toBe('3000000000');
  });

  test('after a week all stake is paid out', async () => {
    await own((tx) => ownerCalls.requestWorkerWithdraw(tx, cluster.deployment, capId));
    await use((tx) => userCalls.requestWithdraw(tx, cluster.deployment, 10n * SUI));
    await expect(use((tx) => userCalls.withdraw(tx, cluster.deployment))).rejects.toMatchObject({
      abort: { name: 'EStillUnbonding' },
    });
    cluster.devnet.advanceTime(WEEK_MS);
    const [paid] = await own((tx) => ownerCalls.withdrawWorkerStake(tx, cluster.deployment, capId));
    expect(paid).toMatchObject({ kind: 'StakeWithdrawnEvent', amount: '5000000000' });
    const [returned] = await use((tx) => userCalls.withdraw(tx, cluster.deployment));
    expect(returned).toMatchObject({ kind: 'UserWithdrawnEvent', amount: '10000000000' });
    const [closed] = await own((tx) => ownerCalls.closeWorker(tx, cluster.deployment, capId));
    expect(closed).toMatchObject({ kind: 'WorkerClosedEvent', nodeId: NODE });
    expect(await reader.worker(NODE)).toBeUndefined();
    expect(await reader.capIdOf(provider.toSuiAddress(), NODE)).toBeUndefined();
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
    .filter(({ packageId }) => packageId === cluster.deployment.originalPackageId)
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
    const [beat] = await operate((...operator) =>
      operatorCalls.heartbeat(...operator, { auditHead: DIGEST, inSync: [] }),
    );
    const numbers = { epoch: '1', term: '2', stateVersion: '2' };
    expect(beat).toMatchObject({ kind: 'HeartbeatEvent', ...numbers, auditHead: DIGEST });
    const { registryId, workersId, stakingId, schedulerId } = cluster.deployment;
    const { heads } = decodeHeartbeat(allEvents().at(-1)!.bytes);
    expect(heads).toEqual([registryId, workersId, stakingId, schedulerId].map(headOf));
  });

  test('a revoked seat is empty, and its operator is none', async () => {
    await send(cluster.admin, (tx) => {
      adminCalls.retireMeasurement(tx, cluster.deployment, { version: '1.0.0', compromised: true });
      adminCalls.revokeSeat(tx, cluster.deployment, cluster.admin.toSuiAddress());
    });
    const registry = await reader.registry();
    expect([leaderOf(registry), registry.seats.epoch]).toEqual([undefined, '2']);
    const { log } = registry;
    const { registryId } = cluster.deployment;
    expect(headOf(registryId)).toEqual({ logId: registryId, seq: Number(log.seq), head: log.head });
    await expect(operate(() => undefined)).rejects.toMatchObject({ abort: { name: 'ENotSeated' } });
  });

  test('every kind of event but that of an upgrade was seen, and is read to its last byte', () => {
    const seen = new Set<string>();
    for (const raw of allEvents()) {
      const event = decodeEvent(raw)!;
      expect(encodeEvent(event.kind, event as never)).toEqual(raw.bytes);
      seen.add(event.kind);
    }
    const kinds = Object.keys(EVENTS).filter((kind) => kind !== 'PackageUpgradedEvent');
    expect([...seen].sort()).toEqual([...kinds, 'HeartbeatEvent'].sort());
  });
});
