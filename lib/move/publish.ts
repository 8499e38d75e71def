import { type ClusterArgs, createCluster } from '@daasvader/chain/calls/admin.ts';
import type { Deployment } from '@daasvader/chain/deployment.ts';
import { DEFAULT_RANGES } from '@daasvader/chain/ranges.ts';
import { createdObject, type Submitted, submit } from '@daasvader/chain/submit.ts';
import type { Signer } from '@mysten/sui/cryptography';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import { type CompiledPackage, compilePackage } from './compile.ts';

/** Where the contracts' sources are. */
export const CONTRACTS = new URL('../../contracts', import.meta.url).pathname;

/** What a cluster is made with unless told otherwise: apps are served nowhere. */
const DEFAULTS = {
  ...DEFAULT_RANGES,
  publicConfig: { appsDomain: '', acmeDirectory: '', acmeRoot: new Uint8Array() },
};

export interface PublishOptions extends Partial<Omit<ClusterArgs, 'upgradeCap' | 'delayMs'>> {
  client: SuiGrpcClient;
  /** Pays, and gets the admin capability; the right to upgrade goes to the cluster. */
  signer: Signer;
  network: string;
  rpcUrl: string;
  /** How long admins' proposals wait, in ms: 0, or longer than 7 days and at most 90. */
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
  const { chainIdentifier: chainId } = await client.getChainIdentifier();
  const published = await publishPackage(client, signer, contracts);
  const packageId = published.packages[0]!;
  const upgradeCapId = createdObject(published, '::package::UpgradeCap');
  const created = await submit(client, signer, (tx) =>
    createCluster(tx, { packageId }, { ...DEFAULTS, ...options, upgradeCap: tx.object(upgradeCapId) }),
  );
  return { network, rpcUrl, chainId, packageId, originalPackageId: packageId, ...idsOf(created) };
}

/** The capability to upgrade goes to the signer until the cluster takes it: a package is called after it is there. */
function publishPackage(
  client: SuiGrpcClient,
  signer: Signer,
  { modules, dependencies }: CompiledPackage,
): Promise<Submitted> {
  return submit(client, signer, (tx) => {
    const upgradeCap = tx.publish({ modules: modules.map((module) => [...module]), dependencies });
    tx.transferObjects([upgradeCap], signer.toSuiAddress());
  });
}

function idsOf(created: Submitted) {
  const id = (name: string) => createdObject(created, `::${name}`);
  return {
    registryId: id('enclave_registry::EnclaveRegistry'),
    workersId: id('worker_registry::WorkerRegistry'),
    stakingId: id('staking::StakingPool'),
    schedulerId: id('k8s_scheduler::Scheduler'),
    imagesId: id('image_registry::ImageRegistry'),
    adminCapId: id('enclave_registry::AdminCap'),
  };
}
