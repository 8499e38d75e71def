import {
  drainWorker,
  leave,
  refreshSealToken,
  resumeWorker,
  stakeAndRegisterWorker,
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

/**
 * The chain that the configuration names, for reading. The first question is asked when it is needed.
 * @param signal calls off what is being asked
 */
export function openChain({ sui }: WorkerConfig, signal?: AbortSignal): ChainReader {
  const client = clientOf(sui.rpc_endpoint, signal);
  const reader = new ContractReader(client, {
    packageId: sui.staking_contract,
    workersId: sui.worker_registry,
  });
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
export function openOwner({ sui }: WorkerConfig, wallet: Signer, signal?: AbortSignal): WorkerOwner {
  const client = clientOf(sui.rpc_endpoint, signal);
  const ids = { packageId: sui.staking_contract, workersId: sui.worker_registry };
  const send = async (build: (tx: Transaction) => void) => (await submit(client, wallet, build)).digest;
  return {
    address: wallet.toSuiAddress(),
    register: (nodeId, sealToken, stake) =>
      send((tx) => stakeAndRegisterWorker(tx, ids, { stake, nodeId, sealToken })),
    refreshSealToken: (nodeId, sealToken) => send((tx) => refreshSealToken(tx, ids, { nodeId, sealToken })),
    drain: (nodeId) => send((tx) => drainWorker(tx, ids, nodeId)),
    resume: (nodeId) => send((tx) => resumeWorker(tx, ids, nodeId)),
    leave: (nodeId) => send((tx) => leave(tx, ids, nodeId)),
  };
}

// The network's name selects well-known addresses of the client library, none of which is used here.
function clientOf(url: string, signal: AbortSignal | undefined): SuiGrpcClient {
  return openFullNode('custom', url, { signal });
}

/** The worker registry says which cluster it belongs to, and never changes its mind. */
async function clusterIds(
  client: SuiGrpcClient,
  reader: ContractReader,
  sui: WorkerConfig['sui'],
): Promise<ClusterIds> {
  const [chainId, { clusterId }] = await Promise.all([sui.chain_id ?? readChainId(client), reader.workers()]);
  return { chainId, packageId: sui.staking_contract, registryId: clusterId };
}

function toRegistered({ nodeId, owner, status, sealToken, tokenExpiresAtMs }: Worker): RegisteredWorker {
  const name = codeName(WORKER_STATUS, status);
  if (name === undefined)
    throw new VerifierError('malformed', `Cannot read worker ${nodeId}: its status ${status} is unknown`);
  return { nodeId, owner, status: name, sealToken, tokenExpiresAtMs: Number(tokenExpiresAtMs) };
}
