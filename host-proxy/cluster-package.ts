import { OBJECTS } from '@daasvader/chain/layouts.ts';
import type { ClusterDeployment } from './config.ts';
import { HostProxyError } from './error.ts';
import type { HostChain } from './host-chain.ts';

/** How soon the chain is asked again which package is the cluster's, when one is called that is not known. */
const ASK_AGAIN_MS = 5_000;

/** Which packages are the cluster's: those of the deployment, and after an upgrade the one that the registry names. */
export class ClusterPackage {
  readonly #chain: Pick<HostChain, 'object'>;
  readonly #cluster: ClusterDeployment;
  readonly #known: Set<string>;
  #asked = Number.NEGATIVE_INFINITY;

  constructor(chain: Pick<HostChain, 'object'>, cluster: ClusterDeployment) {
    this.#chain = chain;
    this.#cluster = cluster;
    this.#known = new Set([cluster.packageId, cluster.originalPackageId]);
  }

  /** The cluster with the package that is to be called now. @throws {HostProxyError} `chain` */
  async current(): Promise<ClusterDeployment> {
    const { content } = await this.#chain.object(this.#cluster.registryId);
    const { current } = OBJECTS.EnclaveRegistry.parse(content).upgrades.package;
    this.#known.add(current);
    return { ...this.#cluster, packageId: current };
  }

  /** @throws {HostProxyError} `refused` when the package is not the cluster's, `chain` */
  async assert(packageId: string): Promise<void> {
    if (this.#known.has(packageId)) return;
    if (performance.now() - this.#asked >= ASK_AGAIN_MS) {
      await this.current();
      this.#asked = performance.now();
    }
    if (this.#known.has(packageId)) return;
    throw new HostProxyError('refused', `Cannot sponsor: ${packageId} is not the cluster's package`);
  }
}
