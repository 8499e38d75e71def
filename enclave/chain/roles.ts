import { ROLE } from '@daasvader/chain/codes.ts';
import type { EventOf } from '@daasvader/chain/events.ts';

/** Somebody who has staked: what is bonded now, and the role that it gives now. */
export interface Staker {
  readonly role: number;
  readonly bondedMist: bigint;
}

/** A role that an admin gave to another in a namespace. */
export interface Grant {
  readonly owner: string;
  readonly namespace: string;
  readonly user: string;
  /** What was given; it counts while the owner is an admin. */
  readonly role: number;
}

/** The least stakes from the viewer's to the super's, from a moment of the chain on. */
interface RoleStakes {
  readonly stakes: readonly bigint[];
  readonly effectiveAtMs: number;
}

/** Who has which role: what is staked, what roles take, and what admins gave to others. The fold of the pool's events. */
export class Roles {
  readonly #bonded = new Map<string, bigint>();
  readonly #grants = new Map<string, Grant>();
  #stakes: readonly bigint[] = [];
  #proposed: RoleStakes | undefined;
  #nowMs = 0;

  /** The role that an address has by its own stake; 0 when it has none. */
  roleOf(address: string): number {
    const bonded = this.#bonded.get(address);
    return bonded === undefined ? 0 : this.#stakes.filter((stake) => bonded >= stake).length;
  }

  get stakers(): Staker[] {
    return [...this.#bonded].map(([address, bondedMist]) => ({ role: this.roleOf(address), bondedMist }));
  }

  /** Everyone who ever staked. */
  get addresses(): string[] {
    return [...this.#bonded.keys()];
  }

  /** All grants that count now. */
  get grants(): Grant[] {
    return this.#counting(() => true);
  }

  /** Grants in a namespace that count now. */
  grantsIn(namespace: string): Grant[] {
    return this.#counting((grant) => grant.namespace === namespace);
  }

  /** Grants to an address that count now. */
  grantsTo(user: string): Grant[] {
    return this.#counting((grant) => grant.user === user);
  }

  stake({ user, total }: EventOf<'UserStakedEvent' | 'UserWithdrawRequestedEvent'>): void {
    this.#bonded.set(user, BigInt(total));
  }

  /** A proposal replaces one that was not in effect when it was made; what was due by then stays in effect. */
  propose({ roleStakes, proposedAtMs, effectiveAtMs }: EventOf<'RoleStakesProposedEvent'>): void {
    this.passTime(Number(proposedAtMs));
    const { viewer, developer, admin } = roleStakes;
    const stakes = [viewer, developer, admin, roleStakes.super].map(BigInt);
    this.#proposed = { stakes, effectiveAtMs: Number(effectiveAtMs) };
    this.#settle();
  }

  grant({ owner, namespace, user, role }: EventOf<'RoleGrantedEvent'>): void {
    const key = `${namespace}/${user}`;
    if (role === 0) this.#grants.delete(key);
    else this.#grants.set(key, { owner, namespace, user, role });
  }

  /** Notes the chain's time. @returns whether other stakes came into effect */
  passTime(nowMs: number): boolean {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    return this.#settle();
  }

  #settle(): boolean {
    if (this.#proposed === undefined || this.#proposed.effectiveAtMs > this.#nowMs) return false;
    this.#stakes = this.#proposed.stakes;
    this.#proposed = undefined;
    return true;
  }

  #counting(isWanted: (grant: Grant) => boolean): Grant[] {
    return [...this.#grants.values()].filter(
      (grant) => isWanted(grant) && this.roleOf(grant.owner) >= ROLE.admin,
    );
  }
}
