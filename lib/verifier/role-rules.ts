import type { Role } from '@daasvader/chain/codes.ts';

/** What may be done with which resources, as RBAC has it. */
export interface RoleRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const READ = ['get', 'list', 'watch'];
const WRITE = ['create', 'update', 'patch', 'delete'];

function rule(verbs: readonly string[], apiGroup: string, ...resources: string[]): RoleRule {
  return { apiGroups: [apiGroup], resources, verbs };
}

const READS: readonly RoleRule[] = [
  rule(READ, '', 'pods', 'pods/log', 'services', 'endpoints', 'configmaps', 'persistentvolumeclaims'),
  rule(READ, '', 'serviceaccounts', 'events', 'resourcequotas', 'limitranges'),
  rule(READ, 'apps', 'deployments', 'statefulsets', 'daemonsets', 'replicasets', 'controllerrevisions'),
  rule(READ, 'apps', 'deployments/scale', 'statefulsets/scale'),
  rule(READ, 'batch', 'jobs', 'cronjobs'),
  rule(READ, 'autoscaling', 'horizontalpodautoscalers'),
  rule(READ, 'networking.k8s.io', 'networkpolicies', 'ingresses'),
  rule(READ, 'policy', 'poddisruptionbudgets'),
  rule(READ, 'discovery.k8s.io', 'endpointslices'),
  rule(READ, 'events.k8s.io', 'events'),
  rule(['get', 'list'], 'metrics.k8s.io', 'pods'),
];

const SHELL = rule(['create', 'get'], '', 'pods/exec', 'pods/attach', 'pods/portforward');

const DEVELOPER_WRITES: readonly RoleRule[] = [
  rule(WRITE, '', 'pods', 'services', 'configmaps', 'persistentvolumeclaims', 'serviceaccounts'),
  rule(WRITE, 'apps', 'deployments', 'statefulsets'),
  rule(['update', 'patch'], 'apps', 'deployments/scale', 'statefulsets/scale'),
  rule(WRITE, 'batch', 'jobs', 'cronjobs'),
  rule(WRITE, 'networking.k8s.io', 'ingresses', 'networkpolicies'),
];
const ADMIN_WRITES: readonly RoleRule[] = [
  ...DEVELOPER_WRITES,
  rule(WRITE, 'autoscaling', 'horizontalpodautoscalers'),
  rule(WRITE, 'policy', 'poddisruptionbudgets'),
];
/** All that anybody may order. The PriorityClasses to be used are a resource of our own, which policies ask for. */
export const ORDER_RULES: readonly RoleRule[] = [
  ...ADMIN_WRITES,
  rule(WRITE, 'apps', 'daemonsets'),
  rule(['use'], 'daasvader.io', 'priorityclasses'),
];

const DEVELOPER: readonly RoleRule[] = [...READS, SHELL, rule([...READ, ...WRITE], '', 'secrets')];

/**
 * What a role of the chain may do in a namespace where somebody has it. Of the writes all but those of Secrets have to be
 * orders, which another part of the server sees to.
 */
export const ROLE_RULES: Readonly<Record<Exclude<Role, 'none'>, readonly RoleRule[]>> = {
  viewer: READS,
  developer: [...DEVELOPER, ...DEVELOPER_WRITES],
  admin: [...DEVELOPER, ...ADMIN_WRITES],
  super: [...DEVELOPER, ...ORDER_RULES],
};

/** Groups of other namespaces' objects that a super user sees: what runs, and nobody's Secrets, addresses or events. */
const SEEN_BY_SUPER = new Set(['apps', 'batch', 'autoscaling', 'networking.k8s.io', 'policy']);

/** What a super user sees of the whole cluster: its machines and its workloads. */
export const SUPER_CLUSTER_RULES: readonly RoleRule[] = [
  rule(READ, '', 'nodes', 'namespaces'),
  rule(READ, 'scheduling.k8s.io', 'priorityclasses'),
  rule(READ, 'metrics.k8s.io', 'nodes', 'pods'),
  ...READS.filter(({ apiGroups }) => apiGroups.every((group) => SEEN_BY_SUPER.has(group))),
];
