import { ROLE } from '@daasvader/chain/codes.ts';
import type { EventOf } from '@daasvader/chain/events.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';
import { GRACE_MS, type Phase, Tenure } from './tenure.ts';

/** How many namespaces beside the first may be claimed, by role; the contract has the same numbers. */
const MAX_CLAIMED: Readonly<Record<number, number>> = { [ROLE.admin]: 4, [ROLE.super]: 16 };

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
  /** What was given; it counts while the owner is an admin and has the namespace. */
  readonly role: number;
}

/** A namespace of somebody's, as it stands now. */
export interface Tenancy {
  readonly namespace: string;
  readonly phase: Phase;
}

/** The least stakes from the viewer's to the super's, from a moment of the chain on. */
interface RoleStakes {
  readonly stakes: readonly bigint[];
  readonly effectiveAtMs: number;
}

interface Account {
  bondedMist: bigint;
  /** The last role that could order anything. */
  workingRole: number;
  role: number;
  /** When the role fell for which the grace counts; undefined while it never fell. */
  fellAtMs: number | undefined;
  /** The own namespace, then those that were claimed, oldest first. */
  readonly tenures: Map<string, Tenure>;
}

/**
 * Who has which role and which namespaces: what is staked, what roles take, what was claimed, and what admins gave to
 * others. The fold of the pool's events, which say when each of them was; so it comes to the same whenever it is made.
 */
export class Roles {
  readonly #accounts = new Map<string, Account>();
  /** By namespace and user. */
  readonly #grants = new Map<string, Map<string, Grant>>();
  /** Those with whom something will be otherwise with time alone. */
  readonly #falling = new Set<string>();
  readonly #changed = new Set<string>();
  #stakes: readonly bigint[] = [];
  #proposed: RoleStakes | undefined;
  #nowMs = 0;

  /** The role that an address has by its own stake; 0 when it has none. */
  roleOf(address: string): number {
    const account = this.#accounts.get(address);
    return account === undefined ? ROLE.none : this.#roleFor(account);
  }

  /** The role whose quota counts: that of now, and in the grace after it the last one that had any room. */
  roomOf(address: string): number {
    const role = this.roleOf(address);
    if (role >= ROLE.developer || this.phaseOf(address, namespaceOf(address)) !== 'grace') return role;
    return this.#accounts.get(address)?.workingRole ?? role;
  }

  /** Whether the role has been lower than before for longer than what is more than it gives may stay. */
  hasLostRoom(address: string): boolean {
    const fellAtMs = this.#accounts.get(address)?.fellAtMs;
    return fellAtMs !== undefined && fellAtMs + GRACE_MS <= this.#nowMs;
  }

  /** The role that a user has now in a namespace: the own one in one's own, elsewhere what was granted and counts. */
  roleIn(owner: string, namespace: string, user: string): number {
    if (this.phaseOf(owner, namespace) !== 'held') return ROLE.none;
    if (user === owner) return this.roleOf(owner);
    const grant = this.#grants.get(namespace)?.get(user);
    return grant !== undefined && this.#counts(grant) ? grant.role : ROLE.none;
  }

  /** How a namespace stands that is, or might be, an owner's. */
  phaseOf(owner: string, namespace: string): Phase {
    return this.#accounts.get(owner)?.tenures.get(namespace)?.phase(this.#nowMs) ?? 'gone';
  }

  /** Since when what was ordered in a namespace counts, in ms since 1970: before, it was not there, or somebody gave it up. */
  heldSinceMs(owner: string, namespace: string): number {
    return this.#accounts.get(owner)?.tenures.get(namespace)?.sinceMs ?? Number.POSITIVE_INFINITY;
  }

  /** The namespaces of an owner that are not gone. */
  tenanciesOf(owner: string): Tenancy[] {
    return [...(this.#accounts.get(owner)?.tenures ?? [])]
      .map(([namespace, tenure]) => ({ namespace, phase: tenure.phase(this.#nowMs) }))
      .filter(({ phase }) => phase !== 'gone');
  }

  get stakers(): Staker[] {
    return [...this.#accounts.values()].map((account) => ({
      role: this.#roleFor(account),
      bondedMist: account.bondedMist,
    }));
  }

  /** Grants in a namespace that count now. */
  grantsIn(namespace: string): Grant[] {
    return [...(this.#grants.get(namespace)?.values() ?? [])].filter((grant) => this.#counts(grant));
  }

  /** Grants to an address that count now. */
  grantsTo(user: string): Grant[] {
    const granted = [...this.#grants.values()].map((users) => users.get(user));
    return granted.filter((grant) => grant !== undefined && this.#counts(grant)) as Grant[];
  }

  stake(event: EventOf<'UserStakedEvent' | 'UserWithdrawRequestedEvent'>): void {
    const { user, total } = event;
    const atMs = Number(event.atMs);
    this.passTime(atMs);
    const account = this.#accounts.get(user) ?? newAccount(user);
    account.bondedMist = BigInt(total);
    this.#accounts.set(user, account);
    this.#settle(user, account, atMs);
  }

  /** What has waited was paid out: an account without anything else is closed, and has no namespaces. */
  withdraw({ user }: EventOf<'UserWithdrawnEvent'>): void {
    if (this.#accounts.get(user)?.bondedMist !== 0n) return;
    this.#accounts.delete(user);
    this.#falling.delete(user);
    this.#changed.add(user);
  }

  /** A proposal replaces one that was not in effect when it was made; what was due by then stays in effect. */
  propose({ roleStakes, proposedAtMs, effectiveAtMs }: EventOf<'RoleStakesProposedEvent'>): void {
    this.passTime(Number(proposedAtMs));
    const { viewer, developer, admin } = roleStakes;
    const stakes = [viewer, developer, admin, roleStakes.super].map(BigInt);
    this.#proposed = { stakes, effectiveAtMs: Number(effectiveAtMs) };
    this.#takeEffect();
  }

  claim(event: EventOf<'NamespaceClaimedEvent'>): void {
    const account = this.#accounts.get(event.owner);
    const atMs = Number(event.atMs);
    this.passTime(atMs);
    if (account === undefined) return;
    account.tenures.set(event.namespace, new Tenure());
    this.#settle(event.owner, account, atMs);
  }

  /** A namespace that was given up is gone at once, and nobody has a role there. */
  release({ owner, namespace }: EventOf<'NamespaceReleasedEvent'>): void {
    this.#grants.delete(namespace);
    const account = this.#accounts.get(owner); // none when it was closed
    if (account?.tenures.delete(namespace)) this.#settle(owner, account, this.#nowMs);
  }

  grant({ owner, namespace, user, role }: EventOf<'RoleGrantedEvent'>): void {
    const users = this.#grants.get(namespace) ?? new Map<string, Grant>();
    if (role === ROLE.none) users.delete(user);
    else users.set(user, { owner, namespace, user, role });
    if (users.size > 0) this.#grants.set(namespace, users);
    else this.#grants.delete(namespace);
    this.#changed.add(owner);
  }

  /** Notes the chain's time, at which other stakes for roles may come into effect and what was lost may end. */
  passTime(nowMs: number): void {
    if (nowMs <= this.#nowMs) return;
    if (this.#proposed !== undefined && this.#proposed.effectiveAtMs <= nowMs) {
      this.#moveTo(this.#proposed.effectiveAtMs);
      this.#takeEffect();
    }
    this.#moveTo(nowMs);
  }

  /** Those with whom something is otherwise than when this was asked before. */
  takeChanged(): string[] {
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
  }

  #moveTo(nowMs: number): void {
    const before = Math.min(this.#nowMs, nowMs);
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    for (const address of this.#falling) {
      const account = this.#accounts.get(address);
      if (account && statesAt(account, before) !== statesAt(account, this.#nowMs))
        this.#note(address, account);
    }
  }

  #takeEffect(): void {
    if (this.#proposed === undefined || this.#proposed.effectiveAtMs > this.#nowMs) return;
    const { stakes, effectiveAtMs } = this.#proposed;
    this.#stakes = stakes;
    this.#proposed = undefined;
    for (const [address, account] of this.#accounts) this.#settle(address, account, effectiveAtMs);
  }

  /** From this moment on the account has the namespaces that its role is enough for. */
  #settle(address: string, account: Account, atMs: number): void {
    const role = this.#roleFor(account);
    const isWorking = role >= ROLE.developer;
    if (isWorking) account.workingRole = role;
    const wasLong = account.fellAtMs === undefined || atMs - account.fellAtMs >= GRACE_MS;
    if (role < account.role && wasLong) account.fellAtMs = atMs;
    account.role = role;
    const held = isWorking ? 1 + (MAX_CLAIMED[role] ?? 0) : 0;
    const tenures = [...account.tenures.values()];
    for (const [index, tenure] of tenures.entries())
      if (index < held) tenure.hold(atMs);
      else tenure.lose(atMs);
    this.#note(address, account);
  }

  #note(address: string, account: Account): void {
    this.#changed.add(address);
    if (statesAt(account, this.#nowMs) !== statesAt(account, Number.POSITIVE_INFINITY))
      this.#falling.add(address);
    else this.#falling.delete(address);
  }

  #roleFor({ bondedMist }: Account): number {
    return this.#stakes.filter((stake) => bondedMist >= stake).length;
  }

  #counts({ owner, namespace }: Grant): boolean {
    return this.roleOf(owner) >= ROLE.admin && this.phaseOf(owner, namespace) === 'held';
  }
}

/** What of an account depends on the time. */
function statesAt({ tenures, fellAtMs }: Account, nowMs: number): string {
  const phases = [...tenures.values()].map((tenure) => tenure.phase(nowMs));
  return `${phases} ${fellAtMs !== undefined && fellAtMs + GRACE_MS <= nowMs}`;
}

function newAccount(address: string): Account {
  const tenures = new Map([[namespaceOf(address), new Tenure()]]);
  return { bondedMist: 0n, workingRole: ROLE.none, role: ROLE.none, fellAtMs: undefined, tenures };
}
