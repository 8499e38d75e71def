import type { ChainEvent, EventOf } from '@daasvader/chain/events.ts';
import { EnclaveError } from '../error.ts';

/** What a configuration says of a cluster, which the chain must say too. */
export interface ExpectedCluster {
  readonly workersId: string;
  readonly stakingId: string;
  readonly schedulerId: string;
  readonly imagesId: string;
  readonly clusterCidr: string;
  readonly serviceCidr: string;
}

/** Who leads: the only one whose word as the operator counts. */
export interface Leader {
  readonly enclaveId: string;
  readonly host: string;
}

/** What the cluster is and who speaks for it: the fold of the registry's events. */
export class Registry {
  readonly #packages: Set<string>;
  #packageId: string | undefined;
  #created: EventOf<'ClusterCreatedEvent'> | undefined;
  #leader: Leader | undefined;
  #term = 0n;

  /** @param originalPackageId the one that the binding names, whose events are followed from the start */
  constructor(originalPackageId: string) {
    this.#packages = new Set([originalPackageId]);
  }

  /** Every package that emits events of this cluster; it grows with each upgrade. */
  get packages(): ReadonlySet<string> {
    return this.#packages;
  }

  /** The package to call since the last upgrade that the chain proves; the original one before the first. */
  get packageId(): string {
    return this.#packageId ?? [...this.#packages][0]!;
  }

  /** Which lead it is; 0 before the first. */
  get term(): bigint {
    return this.#term;
  }

  /** Undefined while nobody leads. */
  get leader(): Leader | undefined {
    return this.#leader;
  }

  /** Takes the next event; those of other logs are none of its business. */
  apply(event: ChainEvent): void {
    switch (event.kind) {
      case 'ClusterCreatedEvent':
        this.#created = event;
        break;
      case 'PackageUpgradedEvent':
        this.#packages.add(event.package);
        this.#packageId = event.package;
        break;
      case 'SeatRevokedEvent':
        if (this.#leader?.host === event.host) this.#leader = undefined;
        break;
      case 'LeadTakenEvent':
        this.#leader = { enclaveId: event.enclaveId, host: event.host };
        this.#term = BigInt(event.term);
        break;
      case 'LeadGivenUpEvent':
        this.#leader = undefined;
        break;
      default: // who may be seated is the chain's to judge
    }
  }

  /**
   * Compares a configuration with the cluster as it was created.
   *
   * @throws {EnclaveError} `configuration` when it says something else, or when nothing is proven yet
   */
  assertIs(expected: ExpectedCluster): void {
    const created = this.#created;
    if (!created)
      throw new EnclaveError('configuration', 'Cannot use the cluster: its first event is not proven');
    const other = (Object.keys(expected) as (keyof ExpectedCluster)[]).find(
      (key) => created[key] !== expected[key],
    );
    if (other === undefined) return;
    const options = { expected: created[other], actual: expected[other] };
    throw new EnclaveError(
      'configuration',
      `Cannot use configuration: ${other} is ${expected[other]}, but the cluster has ${created[other]}; correct it on the host`,
      options,
    );
  }
}
