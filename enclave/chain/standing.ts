import type { ChainEvent } from '@daasvader/chain/events.ts';
import type { Registry } from './registry.ts';

/**
 * What the chain says of this enclave: registered, seated, leading, and whether it lost any of it. What is lost is lost
 * for good: an enclave that comes after it is another one.
 *
 *     registered → seated → leads ─┐
 *          └───────────┴───────────┴─→ lost
 */
export class Standing {
  readonly #operator: string;
  readonly #registry: Registry;
  #enclaveId: string | undefined;
  #measurement: string | undefined;
  #host: string | undefined;
  #term: bigint | undefined;
  #lost: string | undefined;

  /**
   * @param operator the address of this enclave's key, by which the chain registers it
   * @param registry takes each event before this does
   */
  constructor(operator: string, registry: Registry) {
    this.#operator = operator;
    this.#registry = registry;
  }

  /** The id under which it registered. */
  get enclaveId(): string | undefined {
    return this.#enclaveId;
  }

  /** The account in whose seat it is. */
  get host(): string | undefined {
    return this.#host;
  }

  /** The term that it leads, or led before it lost the lead. */
  get term(): bigint | undefined {
    return this.#term;
  }

  /** Why it may never act again; undefined when it may. */
  get lost(): string | undefined {
    return this.#lost;
  }

  /** What the lead waits for; undefined when this enclave may take it, or has it. */
  get waitsFor(): string | undefined {
    if (this.#host === undefined) return 'the chain to say that this enclave is seated';
    const { leader, term } = this.#registry;
    if (!leader || leader.host === this.#host) return undefined;
    return `the lead, which the enclave ${leader.enclaveId} of host ${leader.host} has in term ${term}: that one must give it up, or lose its seat`;
  }

  /** Takes an event that the registry took. */
  apply(event: ChainEvent): void {
    switch (event.kind) {
      case 'EnclaveRegisteredEvent':
        if (event.operator !== this.#operator) break;
        this.#enclaveId = event.enclaveId;
        this.#measurement = event.measurementVersion;
        break;
      case 'MeasurementRetiredEvent':
        if (event.version === this.#measurement) this.#lose(`its measurement ${event.version} was retired`);
        break;
      case 'SeatTakenEvent':
        if (event.enclaveId === this.#enclaveId) this.#host = event.host;
        else if (event.host === this.#host) this.#lose(`enclave ${event.enclaveId} took its seat`);
        break;
      case 'SeatRevokedEvent':
        if (event.host === this.#host) this.#lose('its seat was revoked');
        break;
      case 'LeadTakenEvent':
        if (event.enclaveId === this.#enclaveId) this.#term = BigInt(event.term);
        else if (this.#term !== undefined)
          this.#lose(`enclave ${event.enclaveId} took the lead in term ${event.term}`);
        break;
      case 'LeadGivenUpEvent':
        if (this.#term === BigInt(event.term)) this.#lose('it gave up the lead');
        break;
      default: // speaks of others
    }
  }

  #lose(why: string): void {
    this.#lost ??= `this enclave may not act any more: ${why}`;
  }
}
