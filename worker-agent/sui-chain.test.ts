import type { Deployment } from '@daasvader/chain/deployment.ts';
import { publish } from '@daasvader/move/publish.ts';
import { generateSealKey } from '@daasvader/seal/seal.ts';
import { type Devnet, startDevnet } from '@daasvader/testbed/devnet/devnet.ts';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readConfig, type WorkerConfig } from './config.ts';
import { openChain, openOwner } from './sui-chain.ts';

const STAKE = 5_000_000_000n;

let devnet: Devnet;
let deployment: Deployment;

beforeAll(async () => {
  devnet = await startDevnet();
  const client = new SuiGrpcClient({ network: 'devnet-local', baseUrl: devnet.url });
  const signer = devnet.accounts[0]!;
  deployment = await publish({ client, signer, network: 'devnet-local', rpcUrl: devnet.url, delayMs: 0n });
});

afterAll(() => devnet.close());

function configOf(nodeId: string, overrides: Record<string, string> = {}): Promise<WorkerConfig> {
  return readConfig(undefined, {
    SUI_RPC_URL: devnet.url,
    CONTRACT_PACKAGE_ID: deployment.packageId,
    WORKER_REGISTRY_ID: deployment.workersId,
    MASTER_URL: 'https://127.0.0.1:6443',
    NODE_ID: nodeId,
    ...overrides,
  });
}

/** Keys of a worker, with an identity that nobody else has. */
function keysOf(sealToken: string) {
  return { sealToken, identityKey: new Ed25519Keypair().getPublicKey().toRawBytes() };
}

async function register(nodeId: string) {
  const config = await configOf(nodeId);
  const [owner, chain] = [openOwner(config, devnet.accounts[1]!), openChain(config)];
  const { publicKey } = await generateSealKey();
  await owner.register(nodeId, keysOf(publicKey), STAKE);
  return { owner, chain, publicKey };
}

test('a worker is unknown until its owner registers it, and pending from then on', async () => {
  const chain = openChain(await configOf('worker-1'));
  await expect(chain.readWorker('worker-1')).resolves.toBeUndefined();
  const { owner, publicKey } = await register('worker-1');
  await expect(chain.readWorker('worker-1')).resolves.toEqual({
    nodeId: 'worker-1',
    owner: owner.address,
    status: 'pending',
    sealToken: publicKey,
    identityKey: expect.stringMatching(/^[0-9a-f]{64}$/),
    tokenExpiresAtMs: expect.any(Number),
  });
});

test('its owner gives a worker another seal token, and takes it out for good', async () => {
  const { owner, chain } = await register('worker-2');
  const { publicKey } = await generateSealKey();
  await owner.refreshSealToken('worker-2', publicKey);
  await expect(chain.readWorker('worker-2')).resolves.toMatchObject({ sealToken: publicKey });
  await owner.leave('worker-2');
  await expect(chain.readWorker('worker-2')).resolves.toMatchObject({ status: 'left' });
});

test('what the contract refuses is told by its name', async () => {
  const { owner } = await register('worker-3');
  const { publicKey } = await generateSealKey();
  await expect(owner.register('worker-3', keysOf(publicKey), STAKE)).rejects.toMatchObject({
    code: 'abort',
    abort: { name: 'ENodeIdTaken' },
  });
  await expect(owner.drain('worker-3')).rejects.toMatchObject({ abort: { name: 'EBadTransition' } });
  await expect(owner.resume('worker-3')).rejects.toMatchObject({ abort: { name: 'EBadTransition' } });
  const stranger = openOwner(await configOf('worker-3'), devnet.accounts[2]!);
  await expect(stranger.leave('worker-3')).rejects.toMatchObject({ code: 'taken' });
});

test('who is given a worker acts for it, and who gave it away does no more', async () => {
  const { owner } = await register('worker-4');
  const other = openOwner(await configOf('worker-4'), devnet.accounts[2]!);
  await owner.transfer('worker-4', other.address);
  expect([await owner.has('worker-4'), await other.has('worker-4')]).toEqual([false, true]);
  await expect(owner.leave('worker-4')).rejects.toMatchObject({ code: 'taken' });
  await other.addStake('worker-4', STAKE);
  await other.leave('worker-4');
  await other.requestWithdraw('worker-4');
  await expect(other.withdraw('worker-4')).rejects.toMatchObject({ abort: { name: 'EStillUnbonding' } });
  await expect(other.close('worker-4')).rejects.toMatchObject({ abort: { name: 'EStillStaked' } });
});

test('a worker offers what its stake allows', async () => {
  const { owner } = await register('worker-5');
  const offer = { cpuMilli: 4_000n, memoryMib: 8_192n, diskGib: 100n, region: 'eu-west', gateway: false };
  const prices = { cpuPrice: 1n, memoryPrice: 1n, diskPrice: 1n };
  await owner.setOffer('worker-5', { ...offer, ...prices });
  const tooMuch = owner.setOffer('worker-5', { ...offer, ...prices, cpuMilli: 4_000_000n });
  await expect(tooMuch).rejects.toMatchObject({ abort: { name: 'ECapacityTooLarge' } });
});

test('the worker registry leads to its cluster', async () => {
  const cluster = await openChain(await configOf('worker-1')).readCluster();
  expect(cluster).toMatchObject({
    clusterId: deployment.registryId,
    chainId: devnet.chainId,
    seat: undefined,
  });
});

test('a full node of another chain than the configured one is refused', async () => {
  const config = await configOf('worker-1', { CHAIN_ID: 'elsewhere' });
  await expect(openChain(config).readCluster()).rejects.toMatchObject({ code: 'chain' });
});

test('a full node that does not answer says nothing about a worker', async () => {
  const config = await configOf('worker-1', { SUI_RPC_URL: 'http://127.0.0.1:1' });
  await expect(openChain(config).readWorker('worker-1')).rejects.toMatchObject({ code: 'unreachable' });
});
