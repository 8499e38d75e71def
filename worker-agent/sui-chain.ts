import {
  addStake,
  closeWorker,
  drainWorker,
  leave,
  type OwnerIds,
  refreshSealToken,
  reinstate,
  requestWorkerWithdraw,
  resumeWorker,
  setOffer,
  stakeAndRegisterWorker,
  withdrawWorkerStake,
} from '@daasvader/chain/calls/worker-owner.ts';
import { codeName, WORKER_STATUS } from '@daasvader/chain/codes.ts';
import { openFullNode } from '@daasvader/chain/full-node.ts';
import { ContractReader, type Worker } from '@daasvader/chain/objects.ts';
import { submit } from '@daasvader/chain/submit.ts';
import { type ClusterIds, readChainId, readCluster } from '@daasvader/verifier/chain.ts';
import { VerifierError } from '@daasvader/verifier/error.ts';
import type { Signer } from '@mysten/sui/cryptography';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import type { Transaction } from '@mysten/sui/transactions';
import type { ChainReader, RegisteredWorker, WorkerOwner } from './chain.ts';
import type { WorkerConfig } from './config.ts';
import { WorkerError } from './error.ts';

/**
 * The chain that the configuration names, for reading. The first question is asked when it is needed.
 * @param signal calls off what is being asked
 */
export function openChain({ sui }: WorkerConfig, signal?: AbortSignal): ChainReader {
  const client = clientOf(sui.rpc_endpoint, signal);
  const reader = readerOf(client, sui);
  return {
    readCluster: async () => readCluster(client, await clusterIds(client, reader, sui)),
    readWorker: async (nodeId) => {
      const worker = await reader.worker(nodeId);
      return worker === undefined ? undefined : toRegistered(worker);
    },
  };
}

/**
 * The chain with the owner's wallet, for writing.
 * @param signal calls off what is being asked
 */
export function openOwner(config: WorkerConfig, wallet: Signer, signal?: AbortSignal): WorkerOwner {
  const { sui } = config;
  const client = clientOf(sui.rpc_endpoint, signal);
  const reader = readerOf(client, sui);
  const address = wallet.toSuiAddress();
  const send = async (build: (tx: Transaction, ids: OwnerIds) => void) => {
    const ids = { packageId: await currentPackage(client, reader, sui), workersId: sui.worker_registry };
    return (await submit(client, wallet, (tx) => build(tx, ids))).digest;
  };
  const asOwner = async (nodeId: string, build: (tx: Transaction, ids: OwnerIds, capId: string) => void) => {
    const capId = await capOf(reader, address, nodeId);
    return send((tx, ids) => build(tx, ids, capId));
  };
  return {
    address,
    has: async (nodeId) => (await reader.capIdOf(address, nodeId)) !== undefined,
    register: (nodeId, keys, stake) =>
      send((tx, ids) => stakeAndRegisterWorker(tx, ids, { stake, nodeId, ...keys })),
    refreshSealToken: (nodeId, sealToken) =>
      asOwner(nodeId, (tx, ids, capId) => refreshSealToken(tx, ids, { capId, sealToken })),
    setOffer: (nodeId, offer) => asOwner(nodeId, (tx, ids, capId) => setOffer(tx, ids, { capId, ...offer })),
    drain: (nodeId) => asOwner(nodeId, drainWorker),
    resume: (nodeId) => asOwner(nodeId, resumeWorker),
    leave: (nodeId) => asOwner(nodeId, leave),
    addStake: (nodeId, stake) => asOwner(nodeId, (tx, ids, capId) => addStake(tx, ids, { stake, capId })),
    requestWithdraw: (nodeId) => asOwner(nodeId, requestWorkerWithdraw),
    withdraw: (nodeId) => asOwner(nodeId, withdrawWorkerStake),
    reinstate: (nodeId, keys, stake) =>
      asOwner(nodeId, (tx, ids, capId) => reinstate(tx, ids, { stake, capId, ...keys })),
    transfer: (nodeId, to) => asOwner(nodeId, (tx, _ids, capId) => tx.transferObjects([capId], to)),
    close: (nodeId) => asOwner(nodeId, closeWorker),
  };
}

async function capOf(reader: ContractReader, address: string, nodeId: string): Promise<string> {
  const capId = await reader.capIdOf(address, nodeId);
  if (capId !== undefined) return capId;
  throw new WorkerError('taken', `Cannot act for ${nodeId}: this wallet does not hold its capability`, {
    expected: address,
  });
}

// The network's name selects well-known addresses of the client library, none of which is used here.
function clientOf(url: string, signal: AbortSignal | undefined): SuiGrpcClient {
  return openFullNode('custom', url, { signal });
}

function readerOf(client: SuiGrpcClient, sui: WorkerConfig['sui']): ContractReader {
  return new ContractReader(client, {
    originalPackageId: sui.staking_contract,
    workersId: sui.worker_registry,
  });
}

/** The package to call: contracts that were upgraded have another than the one that the configuration names. */
async function currentPackage(
  client: SuiGrpcClient,
  reader: ContractReader,
  sui: WorkerConfig['sui'],
): Promise<string> {
  const { clusterId } = await reader.workers();
  const ids = { originalPackageId: sui.staking_contract, registryId: clusterId };
  const registry = await new ContractReader(client, ids).registry();
  return registry.upgrades.package.current;
}

/** The worker registry says which cluster it belongs to, and never changes its mind. */
async function clusterIds(
  client: SuiGrpcClient,
  reader: ContractReader,
  sui: WorkerConfig['sui'],
): Promise<ClusterIds> {
  const [chainId, { clusterId }] = await Promise.all([sui.chain_id ?? readChainId(client), reader.workers()]);
  return { chainId, originalPackageId: sui.staking_contract, registryId: clusterId };
}

function toRegistered({ status, ...worker }: Worker): RegisteredWorker {
  const { nodeId, owner, sealToken } = worker;
  const name = codeName(WORKER_STATUS, status);
  if (name === undefined)
    throw new VerifierError('malformed', `Cannot read worker ${nodeId}: its status ${status} is unknown`);
  const identityKey = Buffer.from(worker.identityKey).toString('hex');
  const tokenExpiresAtMs = Number(worker.tokenExpiresAtMs);
  return { nodeId, owner, status: name, sealToken, identityKey, tokenExpiresAtMs };
}
