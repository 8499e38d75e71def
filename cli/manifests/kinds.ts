/** A kind that users order, as the API server serves it. All of them live in a namespace. */
export interface TenantKind {
  readonly kind: string;
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** Its name in paths. */
  readonly resource: string;
}

const kind = (apiVersion: string, kind: string, resource: string): TenantKind => {
  const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  return { kind, group, version, resource };
};

/** What users may order, in the order in which it is made: what others refer to comes first. */
export const TENANT_KINDS: readonly TenantKind[] = [
  kind('v1', 'Secret', 'secrets'),
  kind('v1', 'ConfigMap', 'configmaps'),
  kind('v1', 'ServiceAccount', 'serviceaccounts'),
  kind('v1', 'PersistentVolumeClaim', 'persistentvolumeclaims'),
  kind('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies'),
  kind('v1', 'Service', 'services'),
  kind('apps/v1', 'Deployment', 'deployments'),
  kind('apps/v1', 'StatefulSet', 'statefulsets'),
  kind('apps/v1', 'DaemonSet', 'daemonsets'),
  kind('batch/v1', 'Job', 'jobs'),
  kind('batch/v1', 'CronJob', 'cronjobs'),
  kind('v1', 'Pod', 'pods'),
  kind('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets'),
  kind('autoscaling/v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers'),
  kind('autoscaling/v1', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers'),
  kind('networking.k8s.io/v1', 'Ingress', 'ingresses'),
];

/** `apps/v1`, or `v1` of the core group. */
export function apiVersionOf({ group, version }: Pick<TenantKind, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The kind of that name, in that group and version; undefined when users may not order it. */
export function findKind(apiVersion: string, kind: string): TenantKind | undefined {
  return TENANT_KINDS.find((each) => each.kind === kind && apiVersionOf(each) === apiVersion);
}

/** Where the API server has an object, or, without a name, the objects of a kind. */
export function pathOf(
  { group, version, resource }: Omit<TenantKind, 'kind'>,
  namespace: string,
  name?: string,
): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const parts = [namespace, resource, ...(name === undefined ? [] : [name])].map(encodeURIComponent);
  return `${root}/namespaces/${parts.join('/')}`;
}
