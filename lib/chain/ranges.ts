/**
 * Addresses of pods and of Services that a cluster has unless it is made with others. The range of pods is as large as
 * can be, for 4,096 nodes; both are beside what Docker, kubeadm and home networks take by default, since a worker whose
 * own network has such addresses cannot take part.
 */
export const DEFAULT_RANGES = { clusterCidr: '10.112.0.0/12', serviceCidr: '10.43.0.0/16' };
