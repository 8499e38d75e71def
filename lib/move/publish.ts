import type { Deployment } from '@daasvader/chain/deployment.ts';
import { createdObject, type Submitted, submit } from '@daasvader/chain/submit.ts';
import type { Signer } from '@mysten/sui/cryptography';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import { type CompiledPackage, compilePackage } from './compile.ts';

/** Where the contracts' sources are. */
export const CONTRACTS = new URL('../../contracts', import.meta.url).pathname;

export interface PublishOptions {
  client: SuiGrpcClient;
  /** Pays, and gets the admin capability and the right to upgrade. */
  signer: Signer;
  network: string;
  rpcUrl: string;
  /** How long admins' proposals wait, in ms. */
  delayMs: bigint;
  /** Compiled here when left out. */
  contracts?: CompiledPackage;
}

/**
 * Publishes the contracts and creates a cluster with all its objects, in two transactions.
 *
 * @throws ChainError `abort`, `execution`, `unreachable`; MoveError when the contracts do not compile
 */
export async function publish(options: PublishOptions): Promise<Deployment> {
  const { client, signer, network, rpcUrl } = options;
  const contracts = options.contracts ?? (await compilePackage(CONTRACTS));
  const { chainIdentifier } = await client.getChainIdentifier();
  const packageId = await publishPackage(client, signer, contracts);
  const cluster = await createCluster(client, signer, packageId, options.delayMs);
  return { network, rpcUrl, chainId: chainIdentifier, packageId, ...cluster };
}

async function publishPackage(
  client: SuiGrpcClient,
  signer: Signer,
  { modules, dependencies }: CompiledPackage,
): Promise<string> {
  const { packages } = await submit(client, signer, (tx) => {
    const upgradeCap = tx.publish({ modules: modules.map((module) => [...module]), dependencies });
    tx.transferObjects([upgradeCap], signer.toSuiAddress());
  });
  return packages[0]!;
}

/** The registry must exist, and be shared, before the other objects can name it. */
async function createCluster(client: SuiGrpcClient, signer: Signer, packageId: string, delayMs: bigint) {
  const root = await submit(client, signer, (tx) => {
    const target = `${packageId}::enclave_registry::create_cluster`;
    tx.moveCall({ target, arguments: [tx.pure.u64(delayMs)] });
  });
  const registryId = idOf(root, 'enclave_registry::EnclaveRegistry');
  const adminCapId = idOf(root, 'enclave_registry::AdminCap');
  const rest = await submit(client, signer, (tx) => {
    for (const module of ['worker_registry', 'staking', 'k8s_scheduler', 'image_registry']) {
      const target = `${packageId}::${module}::create`;
      tx.moveCall({ target, arguments: [tx.object(registryId), tx.object(adminCapId)] });
    }
  });
  return {
    registryId,
    workersId: idOf(rest, 'worker_registry::WorkerRegistry'),
    stakingId: idOf(rest, 'staking::StakingPool'),
    schedulerId: idOf(rest, 'k8s_scheduler::Scheduler'),
    imagesId: idOf(rest, 'image_registry::ImageRegistry'),
    adminCapId,
  };
}

function idOf(submitted: Submitted, name: string): string {
  return createdObject(submitted, `::${name}`);
}
