import { ROLE, type Role } from '@daasvader/chain/codes.ts';
import {
  ORDER_RULES,
  ROLE_RULES,
  type RoleRule,
  SUPER_CLUSTER_RULES,
} from '@daasvader/verifier/role-rules.ts';
import { userOf } from '@daasvader/verifier/user.ts';
import type {
  KubernetesObject,
  V1ClusterRole,
  V1ClusterRoleBinding,
  V1PolicyRule,
  V1RoleBinding,
} from '@kubernetes/client-node';
import { MANAGED } from './names.ts';
import { priorityClasses } from './priority.ts';

/** The group that bootstrap tokens authenticate as, beside the one that every token has. */
export const BOOTSTRAP_GROUP = 'system:bootstrappers:daasvader';

/** The group that the enclave impersonates for what had begun before this boot, whatever its requester's role is now. */
export const RESTORES_GROUP = 'daasvader:restores';

const SUPER_CLUSTER_ROLE = 'daasvader:super:cluster';

/** The cluster role of a chain role, bound in the namespaces of those who hold it. */
export function clusterRoleName(role: Role): string {
  return `daasvader:${role}`;
}

/** The cluster-wide objects that must exist before anyone joins or asks for anything. */
export function clusterBaseline(): KubernetesObject[] {
  const roles = Object.entries(ROLE_RULES).map(([role, rules]) =>
    clusterRole(clusterRoleName(role as Role), rules),
  );
  return [
    ...roles,
    ...priorityClasses(),
    clusterRole(SUPER_CLUSTER_ROLE, SUPER_CLUSTER_RULES),
    clusterRole(RESTORES_GROUP, ORDER_RULES),
    clusterBinding(RESTORES_GROUP, RESTORES_GROUP, 'Group', RESTORES_GROUP),
    clusterBinding('daasvader:node-bootstrapper', 'system:node-bootstrapper', 'Group', BOOTSTRAP_GROUP),
  ];
}

/** Binds a user to a chain role in one namespace; one binding per role, because a binding's role cannot be changed. */
export function roleBinding(address: string, role: Exclude<Role, 'none'>, namespace: string) {
  return namespaceBinding(clusterRoleName(role), role, namespace, [address]);
}

/**
 * Binds those to whom the owner granted a role in one namespace, all in one binding.
 *
 * @param users empty for a binding that is to be deleted
 */
export function grantBinding(role: Exclude<Role, 'none'>, namespace: string, users: string[]) {
  return namespaceBinding(`daasvader:granted:${role}`, role, namespace, users);
}

/** Binds a super user to what it may read of the whole cluster. */
export function superBinding(address: string): V1ClusterRoleBinding {
  return clusterBinding(`${SUPER_CLUSTER_ROLE}:${address}`, SUPER_CLUSTER_ROLE, 'User', userOf(address));
}

/** The roles whose bindings must not exist for a holder of `role`. */
export function otherRoles(role: Role): Exclude<Role, 'none'>[] {
  return (Object.keys(ROLE) as Role[]).filter(
    (other): other is Exclude<Role, 'none'> => other !== 'none' && other !== role,
  );
}

function clusterRole(name: string, rules: readonly RoleRule[]): V1ClusterRole {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name },
    rules: structuredClone(rules) as V1PolicyRule[],
  };
}

function namespaceBinding(name: string, role: Exclude<Role, 'none'>, namespace: string, users: string[]) {
  const apiGroup = 'rbac.authorization.k8s.io';
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name, namespace, labels: MANAGED },
    roleRef: { apiGroup, kind: 'ClusterRole', name: clusterRoleName(role) },
    subjects: users.map((user) => ({ apiGroup, kind: 'User', name: userOf(user) })),
  } satisfies V1RoleBinding;
}

function clusterBinding(
  name: string,
  role: string,
  kind: 'User' | 'Group',
  subject: string,
): V1ClusterRoleBinding {
  const apiGroup = 'rbac.authorization.k8s.io';
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup, kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup, kind, name: subject }],
  };
}
