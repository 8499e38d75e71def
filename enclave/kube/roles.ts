import { ROLE, type Role } from '@daasvader/chain/codes.ts';
import { userOf } from '@daasvader/verifier/user.ts';
import type {
  KubernetesObject,
  V1ClusterRole,
  V1ClusterRoleBinding,
  V1PolicyRule,
  V1RoleBinding,
} from '@kubernetes/client-node';
import { admissionPolicies } from './policies.ts';
import { priorityClasses } from './priority.ts';

const READ = ['get', 'list', 'watch'];

/** The group that bootstrap tokens authenticate as, beside the one that every token has. */
export const BOOTSTRAP_GROUP = 'system:bootstrappers:daasvader';

// Users write through the chain, so their credentials only read; a shell in a pod and Secrets, which must not be
// public, are the exceptions.
const READ_WORKLOADS: V1PolicyRule[] = [
  {
    apiGroups: [''],
    resources: [
      'pods',
      'pods/log',
      'services',
      'endpoints',
      'configmaps',
      'events',
      'resourcequotas',
      'limitranges',
    ],
    verbs: READ,
  },
  { apiGroups: ['apps'], resources: ['deployments', 'replicasets', 'daemonsets'], verbs: READ },
  { apiGroups: ['batch'], resources: ['jobs'], verbs: READ },
  { apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'], verbs: READ },
  { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies', 'ingresses'], verbs: READ },
];
const EXEC: V1PolicyRule[] = [
  {
    apiGroups: [''],
    resources: ['pods/exec', 'pods/attach', 'pods/portforward'],
    verbs: ['create', 'get'],
  },
];
const SECRETS: V1PolicyRule[] = [
  { apiGroups: [''], resources: ['secrets'], verbs: [...READ, 'create', 'update', 'patch', 'delete'] },
];

const RULES: Record<Exclude<Role, 'none'>, V1PolicyRule[]> = {
  viewer: READ_WORKLOADS,
  developer: [...READ_WORKLOADS, ...EXEC],
  admin: [...READ_WORKLOADS, ...EXEC, ...SECRETS],
  super: [...READ_WORKLOADS, ...EXEC, ...SECRETS],
};

/** What a super user sees of the whole cluster: its machines and its requests' objects, nobody's Secrets. */
const SUPER_CLUSTER_RULES: V1PolicyRule[] = [
  { apiGroups: [''], resources: ['nodes', 'namespaces'], verbs: READ },
  { apiGroups: ['scheduling.k8s.io'], resources: ['priorityclasses'], verbs: READ },
  { apiGroups: ['metrics.k8s.io'], resources: ['nodes', 'pods'], verbs: READ },
  ...READ_WORKLOADS.filter((rule) => rule.apiGroups?.[0] !== ''),
];

const SUPER_CLUSTER_ROLE = 'daasvader:super:cluster';

/** The cluster role of a chain role, bound in the namespaces of those who hold it. */
export function clusterRoleName(role: Role): string {
  return `daasvader:${role}`;
}

/** The cluster-wide objects that must exist before anyone joins or asks for anything. */
export function clusterBaseline(): KubernetesObject[] {
  const roles = Object.entries(RULES).map(([role, rules]) =>
    clusterRole(clusterRoleName(role as Role), rules),
  );
  return [
    ...roles,
    ...admissionPolicies(),
    ...priorityClasses(),
    clusterRole(SUPER_CLUSTER_ROLE, SUPER_CLUSTER_RULES),
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

function clusterRole(name: string, rules: V1PolicyRule[]): V1ClusterRole {
  return { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name }, rules };
}

function namespaceBinding(name: string, role: Exclude<Role, 'none'>, namespace: string, users: string[]) {
  const apiGroup = 'rbac.authorization.k8s.io';
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name, namespace },
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
