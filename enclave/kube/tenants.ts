import { EnclaveError } from '../error.ts';
import type { Kubernetes } from './kubernetes.ts';
import { namespaceOf, type Role, roleName } from './names.ts';
import { clusterRoleName, otherRoles, superBinding } from './roles.ts';
import { tenantObjects } from './tenant.ts';

const RBAC = 'rbac.authorization.k8s.io/v1';

/** The namespaces of those who staked, and their rights there. */
export class Tenants {
  readonly #kubernetes: Kubernetes;
  /** Namespaces that exist, with their owner and the role that they were made for. */
  readonly #namespaces = new Map<string, { address: string; role: Role }>();

  constructor(kubernetes: Kubernetes) {
    this.#kubernetes = kubernetes;
  }

  /** The namespaces of an address that exist. */
  namespacesOf(address: string): string[] {
    return [...this.#namespaces]
      .filter(([, owner]) => owner.address === address)
      .map(([namespace]) => namespace);
  }

  /**
   * Makes sure that a namespace exists, is closed to others and gives its owner the rights of `role`.
   *
   * @throws {EnclaveError} `request` for an address without a role
   */
  async ensure(address: string, role: number, namespace: string = namespaceOf(address)): Promise<void> {
    const name = roleName(role);
    if (name === 'none') throw new EnclaveError('request', `Cannot open a namespace: ${address} has no role`);
    if (this.#namespaces.get(namespace)?.role === name) return;
    for (const object of tenantObjects(address, namespace, name)) await this.#kubernetes.apply(object);
    for (const other of otherRoles(name)) await this.#unbind(namespace, other);
    await this.#setClusterRights(address, name);
    this.#namespaces.set(namespace, { address, role: name });
  }

  /** Follows a change of role in every namespace that the address has. Without a role it keeps its objects, not its rights. */
  async changeRole(address: string, role: number): Promise<void> {
    for (const namespace of this.namespacesOf(address)) {
      if (roleName(role) !== 'none') await this.ensure(address, role, namespace);
      else await this.#withdraw(address, namespace);
    }
  }

  async #withdraw(address: string, namespace: string): Promise<void> {
    for (const other of otherRoles('none')) await this.#unbind(namespace, other);
    await this.#setClusterRights(address, 'none');
    this.#namespaces.set(namespace, { address, role: 'none' });
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
