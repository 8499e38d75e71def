/** Paths of the enclave's own API, as it serves them and as its clients ask for them. */
export const ROUTE = {
  attestation: '/api/v1/attestation',
  registerWorker: '/api/v1/register-worker',
  joinCounter: '/api/v1/join-counter',
  doubleIdentity: '/api/v1/double-identity',
  kubeconfig: '/api/v1/kubeconfig',
  orderAnswer: '/api/v1/orders/answer',
  stakingStatus: '/api/v1/staking/status',
  contractCall: '/api/contract/call',
  history: '/api/transactions/history',
  nodes: '/api/nodes',
  health: '/healthz',
  readiness: '/readyz',
  metrics: '/metrics',
  metricsV1: '/api/v1/metrics',
  verifyPage: '/verify',
} as const;
