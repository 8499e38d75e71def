import type { Role } from '@daasvader/chain/codes.ts';

/** A rule of Kubernetes's RBAC (rbac.authorization.k8s.io/v1, PolicyRule). */
export interface RoleRule {
  readonly apiGroups: string[];
  readonly resources: string[];
  readonly verbs: string[];
}

const READ = ['get', 'list', 'watch'];
const WRITE = ['create', 'update', 'patch', 'delete'];

const READ_WORKLOADS: readonly RoleRule[] = [
  {
    apiGroups: [''],
    resources: [
      'pods',
      'pods/log',
      'services',
      'endpoints',
      'configmaps',
      'events',
      'persistentvolumeclaims',
      'serviceaccounts',
      'resourcequotas',
    ],
    verbs: READ,
  },
  {
    apiGroups: ['apps'],
    resources: ['deployments', 'replicasets', 'statefulsets', 'daemonsets', 'controllerrevisions'],
    verbs: READ,
  },
  { apiGroups: ['apps'], resources: ['deployments/scale', 'statefulsets/scale'], verbs: ['get'] },
  { apiGroups: ['batch'], resources: ['jobs', 'cronjobs'], verbs: READ },
  { apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'], verbs: READ },
  { apiGroups: ['policy'], resources: ['poddisruptionbudgets'], verbs: READ },
  { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies', 'ingresses'], verbs: READ },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: READ },
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: READ },
];

const DEVELOP: readonly RoleRule[] = [
  {
    apiGroups: [''],
    resources: ['pods/exec', 'pods/attach', 'pods/portforward'],
    verbs: ['create', 'get'],
  },
  { apiGroups: [''], resources: ['secrets'], verbs: READ },
  {
    apiGroups: [''],
    resources: ['pods', 'services', 'configmaps', 'secrets', 'persistentvolumeclaims', 'serviceaccounts'],
    verbs: WRITE,
  },
  {
    apiGroups: ['apps'],
    resources: ['deployments', 'deployments/scale', 'statefulsets', 'statefulsets/scale'],
    verbs: WRITE,
  },
  { apiGroups: ['batch'], resources: ['jobs', 'cronjobs'], verbs: WRITE },
  { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies', 'ingresses'], verbs: WRITE },
];

const ADMINISTER: readonly RoleRule[] = [
  { apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'], verbs: WRITE },
  { apiGroups: ['policy'], resources: ['poddisruptionbudgets'], verbs: WRITE },
];

const SUPER: readonly RoleRule[] = [
  { apiGroups: ['apps'], resources: ['daemonsets'], verbs: WRITE },
  // No such resource exists: it is what a tenant policy asks about whoever names a priority class.
  { apiGroups: ['daasvader.io'], resources: ['priorityclasses'], verbs: ['use'] },
];

/** What each role may do in a namespace where it is held; each may what those below it may. */
export const ROLE_RULES: Readonly<Record<Exclude<Role, 'none'>, readonly RoleRule[]>> = {
  viewer: READ_WORKLOADS,
  developer: [...READ_WORKLOADS, ...DEVELOP],
  admin: [...READ_WORKLOADS, ...DEVELOP, ...ADMINISTER],
  super: [...READ_WORKLOADS, ...DEVELOP, ...ADMINISTER, ...SUPER],
};
