import { namespaceOf } from '@daasvader/verifier/user.ts';
import type { V1Namespace } from '@kubernetes/client-node';
import type { Roles } from '../chain/roles.ts';
import { EnclaveError } from '../error.ts';
import { Applied } from './applied.ts';
import { countedBy } from './counted.ts';
import type { Kubernetes } from './kubernetes.ts';
import { roleName } from './names.ts';
import { PRIORITY_QUOTA } from './priority.ts';
import { type Amounts, isTooMuch, NO_ROOM, runsMore, shareOf } from './quota.ts';
import { wake } from './resume.ts';
import { NotYet } from './retry.ts';
import { grantBinding, otherRoles, roleBinding, superBinding } from './roles.ts';
import { formerObjects, QUOTA, quotas, tenantObjects } from './tenant.ts';
import { Turns } from './turns.ts';

/** What may be granted; the contract gives no more. */
const GRANTABLE = ['viewer', 'developer', 'admin'] as const;

type Access = Pick<Kubernetes, 'apply' | 'read' | 'delete' | 'deleteAll' | 'list' | 'merge'>;

/** A namespace that is there. */
interface Space {
  readonly applied: Applied;
  /** What it may have; undefined until that was said. */
  share: Amounts | undefined;
  /** Whether its pods were made to go. */
  isSuspended: boolean;
  /** Since when what is in it counts; undefined while nothing can be in it. */
  sinceMs: number | undefined;
}

/** An owner of namespaces that are there. */
interface Tenant {
  readonly spaces: Map<string, Space>;
  /** What was in namespaces that were deleted and have not gone: their pods may take minutes to end. */
  readonly leaving: Map<string, Amounts>;
  readonly applied: Applied;
  /** As of what all is as it should be; undefined while that is not so. */
  settled: string | undefined;
  /** Whether one may have less than its part because another has more than its own, or one has not gone. */
  isSqueezed: boolean;
}

/**
 * The namespaces of those who staked, how much may be in each, and who has which rights there: all of it as the role of
 * now gives it. A namespace is made when something is to be in it, emptied of pods when its owner's role has not been
 * enough for it for some time, and deleted when that lasts.
 */
export class Tenants {
  readonly #kubernetes: Access;
  readonly #roles: Roles;
  readonly #tenants = new Map<string, Tenant>();
  /** One change after the other per owner: interleaved, a right that was just withdrawn could come back. */
  readonly #turns = new Turns();

  constructor(kubernetes: Access, roles: Roles) {
    this.#kubernetes = kubernetes;
    this.#roles = roles;
  }

  /** The namespaces of an address that are there. */
  namespacesOf(address: string): string[] {
    return [...(this.#tenants.get(address)?.spaces.keys() ?? [])];
  }

  /** Those of whose namespaces one has less room than its part, or has not gone. */
  get squeezed(): string[] {
    return [...this.#tenants].filter(([, { isSqueezed }]) => isSqueezed).map(([owner]) => owner);
  }

  /**
   * Makes sure that a namespace is there, is closed to others, and gives its owner the rights of the role of now and no
   * others.
   *
   * @throws {EnclaveError} `request` when the owner is not to have it
   */
  ensure(owner: string, namespace = namespaceOf(owner)): Promise<void> {
    return this.#turns.take(owner, async () => {
      if (!this.#isWanted(owner, namespace))
        throw new EnclaveError('request', `Cannot open namespace ${namespace}: ${owner} has no role for it`);
      const tenant = this.#tenants.get(owner);
      if (tenant?.spaces.has(namespace) && tenant.settled === this.#stateOf(owner)) return;
      await this.#enter(owner, namespace);
      await this.#settle(owner);
      if (this.#tenants.get(owner)?.spaces.has(namespace) !== true) throw notGone(namespace);
    });
  }

  /** Follows whatever has changed about an owner; does nothing when nothing has. */
  follow(owner: string): Promise<void> {
    return this.#turns.take(owner, async () => {
      // Whoever claimed one looks into it before the first order, and whoever was granted a role in one.
      const isClaimed = (namespace: string) => namespace !== namespaceOf(owner);
      const wanted = this.#roles
        .tenanciesOf(owner)
        .filter(
          ({ namespace, phase }) =>
            this.#roles.grantsIn(namespace).length > 0 || (phase === 'held' && isClaimed(namespace)),
        )
        .map(({ namespace }) => namespace);
      for (const namespace of wanted) await this.#enter(owner, namespace);
      const tenant = this.#tenants.get(owner);
      if (tenant && (tenant.isSqueezed || tenant.settled !== this.#stateOf(owner))) await this.#settle(owner);
      const late = wanted.find((namespace) => !tenant?.spaces.has(namespace));
      if (late !== undefined) throw notGone(late);
    });
  }

  /** Whoever may only read has a first namespace too, with nothing in it. */
  #isWanted(owner: string, namespace: string): boolean {
    if (this.#roles.phaseOf(owner, namespace) !== 'gone') return true;
    return namespace === namespaceOf(owner) && this.#roles.roleOf(owner) > 0;
  }

  /** Does nothing while the former one of that name has not gone. */
  async #enter(owner: string, namespace: string): Promise<void> {
    const tenant = this.#tenants.get(owner) ?? newTenant(this.#kubernetes);
    if (tenant.spaces.has(namespace)) return;
    if (tenant.leaving.has(namespace)) await this.#sweep(tenant);
    const former = await this.#kubernetes.read<V1Namespace>(refOf(namespace));
    if (tenant.leaving.has(namespace) || isGoing(former)) return;
    const none = { share: undefined, sinceMs: undefined, isSuspended: false };
    tenant.spaces.set(namespace, { applied: new Applied(this.#kubernetes), ...none });
    tenant.settled = undefined;
    this.#tenants.set(owner, tenant);
  }

  /** Everything that an owner's namespaces depend on. */
  #stateOf(owner: string): string {
    const roles = this.#roles;
    const rank = [roles.roleOf(owner), roles.roomOf(owner), roles.hasLostRoom(owner)];
    const tenancies = roles.tenanciesOf(owner).map((tenancy) => ({
      ...tenancy,
      sinceMs: this.#sinceOf(owner, tenancy.namespace),
      grants: roles.grantsIn(tenancy.namespace),
    }));
    return JSON.stringify([rank, tenancies]);
  }

  async #settle(owner: string): Promise<void> {
    const tenant = this.#tenants.get(owner);
    if (tenant === undefined) return;
    tenant.settled = undefined; // as it stays when this fails half-way
    const state = this.#stateOf(owner);
    await this.#setClusterRights(owner, tenant);
    for (const [namespace, { applied, share }] of tenant.spaces)
      if (share !== undefined) await this.#setRights(owner, namespace, applied);
    await this.#leave(owner, tenant);
    const share = await this.#divide(owner, tenant);
    for (const [namespace, space] of tenant.spaces) await this.#shape(owner, namespace, space, share);
    await this.#enforce(tenant);
    if (this.#roles.hasLostRoom(owner)) await this.#trim(owner, tenant);
    if (tenant.leaving.size > 0) tenant.isSqueezed = true; // whose going is to be noted
    const hasAny = tenant.spaces.size + tenant.leaving.size > 0;
    if (!hasAny && !this.#isSuper(owner)) this.#tenants.delete(owner); // what it had of the whole cluster is gone too
    tenant.settled = state;
  }

  async #setClusterRights(owner: string, { applied }: Tenant): Promise<void> {
    const binding = superBinding(owner);
    if (this.#isSuper(owner)) await applied.put(binding);
    else await applied.remove(binding);
  }

  #isSuper(owner: string): boolean {
    return roleName(this.#roles.roleOf(owner)) === 'super';
  }

  /** Since when what is in a namespace counts; undefined when nothing is to be in it. */
  #sinceOf(owner: string, namespace: string): number | undefined {
    const isGone = this.#roles.phaseOf(owner, namespace) === 'gone';
    return isGone ? undefined : this.#roles.heldSinceMs(owner, namespace);
  }

  /** Deletes what the owner is not to have any more, also when there is to be another one of that name. */
  async #leave(owner: string, tenant: Tenant): Promise<void> {
    for (const [namespace, space] of tenant.spaces) {
      const isOther = space.sinceMs !== undefined && space.sinceMs !== this.#sinceOf(owner, namespace);
      if (this.#isWanted(owner, namespace) && !isOther) continue;
      if (space.share !== undefined) await this.#limit(namespace, space, noneOf(space.share), false);
      tenant.leaving.set(namespace, await this.#usedIn(tenant, namespace));
      tenant.spaces.delete(namespace);
    }
    await this.#sweep(tenant);
  }

  /** Has go what is to go, and notes what has gone. */
  async #sweep({ leaving }: Tenant): Promise<void> {
    for (const namespace of leaving.keys()) {
      const ref = refOf(namespace);
      let found = await this.#kubernetes.read<V1Namespace>(ref);
      if (found !== undefined && !isGoing(found)) {
        await this.#kubernetes.delete(ref);
        found = await this.#kubernetes.read<V1Namespace>(ref);
      }
      if (found === undefined) leaving.delete(namespace);
    }
  }

  /**
   * What each namespace with pods may have. First none may have more than its equal part; what is there by then counts,
   * so that all together never have more than the role gives.
   */
  async #divide(owner: string, tenant: Tenant): Promise<Amounts> {
    const role = roleName(this.#roles.roomOf(owner));
    const tenancies = this.#roles.tenanciesOf(owner);
    const running = tenancies.filter(({ phase }) => phase !== 'suspended').map(({ namespace }) => namespace);
    const suspended = tenancies
      .filter(({ phase }) => phase === 'suspended')
      .map(({ namespace }) => namespace);
    const equal = shareOf(
      role,
      running.map(() => ({})),
      [],
    );
    tenant.isSqueezed = false;
    if (tenancies.length + tenant.leaving.size < 2 || equal === NO_ROOM) return equal;
    for (const [namespace, space] of tenant.spaces)
      if (space.share !== undefined && exceeds(space.share, equal))
        await this.#limit(namespace, space, equal, role === 'super');
    const [used, besides] = await Promise.all(
      [running, suspended].map((names) => Promise.all(names.map((name) => this.#usedIn(tenant, name)))),
    );
    const share = shareOf(role, used ?? [], [...(besides ?? []), ...tenant.leaving.values()]);
    tenant.isSqueezed = exceeds(equal, share);
    return share;
  }

  /** What is in a namespace that may have something. @throws {NotYet} while Kubernetes has not counted it */
  async #usedIn({ spaces }: Tenant, namespace: string): Promise<Amounts> {
    if (spaces.get(namespace)?.share === undefined) return {}; // it is not there, or nothing can be in it
    return countedBy(this.#kubernetes, namespace, QUOTA);
  }

  async #shape(owner: string, namespace: string, space: Space, share: Amounts): Promise<void> {
    const phase = this.#roles.phaseOf(owner, namespace);
    const isRunning = phase === 'held' || phase === 'grace';
    const isSuper = isRunning && roleName(this.#roles.roomOf(owner)) === 'super';
    space.sinceMs = this.#sinceOf(owner, namespace);
    const own = isRunning ? share : NO_ROOM;
    for (const object of tenantObjects(owner, namespace, own, isSuper)) await space.applied.put(object);
    for (const object of formerObjects(namespace)) await space.applied.remove(object);
    space.share = own;
    await this.#setRights(owner, namespace, space.applied);
    if (phase === 'suspended' && !space.isSuspended) await this.#kubernetes.deleteAll(podsOf(namespace));
    if (isRunning && space.isSuspended) await wake(this.#kubernetes, namespace);
    space.isSuspended = phase === 'suspended';
  }

  /** Nothing is to be made where Kubernetes does not keep to the quotas yet. */
  async #enforce({ spaces }: Tenant): Promise<void> {
    const names = [QUOTA, PRIORITY_QUOTA];
    const quotas = [...spaces.keys()].flatMap((namespace) => names.map((name) => [namespace, name] as const));
    await Promise.all(quotas.map(([namespace, name]) => countedBy(this.#kubernetes, namespace, name)));
  }

  /**
   * What is more than a role gives that has been lower for a day goes with all that runs beside it; controllers make anew
   * what there is room for.
   */
  async #trim(owner: string, tenant: Tenant): Promise<void> {
    const spaces = [...tenant.spaces].filter(([, { isSuspended }]) => !isSuspended);
    const used = await Promise.all(spaces.map(([namespace]) => this.#usedIn(tenant, namespace)));
    if (!isTooMuch(roleName(this.#roles.roomOf(owner)), used)) return;
    for (const [index, [namespace, { share = NO_ROOM }]] of spaces.entries())
      if (runsMore(used[index] ?? {}, share)) await this.#kubernetes.deleteAll(podsOf(namespace));
    tenant.isSqueezed = spaces.length > 1; // what was made to go may leave the others more
  }

  async #limit(namespace: string, space: Space, share: Amounts, isSuper: boolean): Promise<void> {
    for (const object of quotas(namespace, share, isSuper)) await space.applied.put(object);
    space.share = share;
  }

  /** The rights of all others too are as of now: a grant of an owner who is no admin any more gives none. */
  async #setRights(owner: string, namespace: string, applied: Applied): Promise<void> {
    const role = roleName(this.#roles.roleOf(owner));
    for (const other of otherRoles(role)) await applied.remove(roleBinding(owner, other, namespace));
    if (role !== 'none') await applied.put(roleBinding(owner, role, namespace));
    const grants = this.#roles.grantsIn(namespace);
    for (const granted of GRANTABLE) {
      const users = grants.filter((grant) => roleName(grant.role) === granted).map(({ user }) => user);
      const binding = grantBinding(granted, namespace, users);
      if (users.length > 0) await applied.put(binding);
      else await applied.remove(binding);
    }
  }
}

function newTenant(kubernetes: Access): Tenant {
  const none = { settled: undefined, isSqueezed: false };
  return { spaces: new Map(), leaving: new Map(), applied: new Applied(kubernetes), ...none };
}

function refOf(namespace: string) {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
}

function isGoing(namespace: V1Namespace | undefined): boolean {
  return namespace?.metadata?.deletionTimestamp !== undefined;
}

function notGone(namespace: string): NotYet {
  return new NotYet(`Cannot open namespace ${namespace}: the former one has not gone yet`);
}

function podsOf(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/pods`;
}

/** A quota counts only what it limits. */
function noneOf(amounts: Amounts): Amounts {
  return Object.fromEntries(Object.keys(amounts).map((name) => [name, 0]));
}

function exceeds(one: Amounts, other: Amounts): boolean {
  return Object.entries(one).some(([name, amount]) => amount > (other[name] ?? 0));
}
