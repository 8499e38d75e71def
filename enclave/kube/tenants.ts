import type { Role } from '@daasvader/chain/codes.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';
import type { Roles } from '../chain/roles.ts';
import { EnclaveError } from '../error.ts';
import type { Kubernetes } from './kubernetes.ts';
import { roleName } from './names.ts';
import { clusterRoleName, grantBinding, otherRoles, roleBinding, superBinding } from './roles.ts';
import { tenantObjects } from './tenant.ts';
import { Turns } from './turns.ts';

const RBAC = 'rbac.authorization.k8s.io/v1';
/** What may be granted; the contract gives no more. */
const GRANTABLE = ['viewer', 'developer', 'admin'] as const;

/** The namespaces of those who staked, and who has which rights there. */
export class Tenants {
  readonly #kubernetes: Pick<Kubernetes, 'apply' | 'delete'>;
  readonly #roles: Pick<Roles, 'grantsIn'>;
  /** Namespaces that exist, with their owner and the role that it has there; undefined while that changes. */
  readonly #namespaces = new Map<string, { address: string; role: Role | undefined }>();
  /** One change after the other per address: interleaved, a right that was just withdrawn could come back. */
  readonly #turns = new Turns();

  constructor(kubernetes: Pick<Kubernetes, 'apply' | 'delete'>, roles: Pick<Roles, 'grantsIn'>) {
    this.#kubernetes = kubernetes;
    this.#roles = roles;
  }

  /** The namespaces of an address that exist. */
  namespacesOf(address: string): string[] {
    return [...this.#namespaces]
      .filter(([, owner]) => owner.address === address)
      .map(([namespace]) => namespace);
  }

  /**
   * Makes sure that a namespace exists, is closed to others and gives its owner the rights of `role` and no others.
   *
   * @param room the role whose quota applies, when that is not `role`: without a role objects stay, rights do not
   * @throws {EnclaveError} `request` when there is no role at all
   */
  ensure(address: string, role: number, namespace = namespaceOf(address), room = role): Promise<void> {
    return this.#turns.take(address, () => this.#ensure(address, roleName(role), namespace, roleName(room)));
  }

  /** Follows a change of role in every namespace that the address has. Without a role it keeps its objects, not its rights. */
  changeRole(address: string, role: number): Promise<void> {
    return this.#turns.take(address, async () => {
      const name = roleName(role);
      for (const namespace of this.namespacesOf(address)) {
        if (name !== 'none') await this.#ensure(address, name, namespace, name);
        else await this.#setRights(address, 'none', namespace);
      }
    });
  }

  /**
   * Follows what an owner granted or took back in a namespace, which is made for the first grant that counts.
   *
   * @param role of the owner
   */
  changeGrants(owner: string, role: number, namespace: string): Promise<void> {
    return this.#turns.take(owner, async () => {
      const isThere = this.#namespaces.get(namespace)?.address === owner;
      const name = roleName(role);
      if (isThere) await this.#setGrants(namespace);
      else if (this.#roles.grantsIn(namespace).length > 0) await this.#ensure(owner, name, namespace, name);
    });
  }

  async #ensure(address: string, role: Role, namespace: string, room: Role): Promise<void> {
    if (room === 'none') throw new EnclaveError('request', `Cannot open a namespace: ${address} has no role`);
    if (this.#namespaces.get(namespace)?.role === role) return;
    for (const object of tenantObjects(address, namespace, room)) await this.#kubernetes.apply(object);
    await this.#setRights(address, role, namespace);
  }

  async #setRights(address: string, role: Role, namespace: string): Promise<void> {
    this.#namespaces.set(namespace, { address, role: undefined }); // as it stays when this fails half-way
    for (const other of otherRoles(role)) await this.#unbind(namespace, other);
    if (role !== 'none') await this.#kubernetes.apply(roleBinding(address, role, namespace));
    await this.#setGrants(namespace);
    await this.#setClusterRights(address, role);
    this.#namespaces.set(namespace, { address, role });
  }

  /** The rights of all others in the namespace, as of now: a grant of an owner who is no admin any more gives none. */
  async #setGrants(namespace: string): Promise<void> {
    const grants = this.#roles.grantsIn(namespace);
    for (const role of GRANTABLE) {
      const users = grants.filter((grant) => roleName(grant.role) === role).map(({ user }) => user);
      const binding = grantBinding(role, namespace, users);
      if (users.length > 0) await this.#kubernetes.apply(binding);
      else await this.#kubernetes.delete(binding);
    }
  }

  #unbind(namespace: string, role: Role): Promise<void> {
    return this.#kubernetes.delete({
      apiVersion: RBAC,
      kind: 'RoleBinding',
      metadata: { name: clusterRoleName(role), namespace },
    });
  }

  async #setClusterRights(address: string, role: Role): Promise<void> {
    const binding = superBinding(address);
    if (role === 'super') await this.#kubernetes.apply(binding);
    else
      await this.#kubernetes.delete({
        apiVersion: RBAC,
        kind: 'ClusterRoleBinding',
        metadata: { name: binding.metadata?.name ?? '' },
      });
  }
}
