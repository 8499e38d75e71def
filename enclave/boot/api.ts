import type { Binding } from '@daasvader/attestation/binding.ts';
import { ContractReader } from '@daasvader/chain/objects.ts';
import { ENCLAVE_PORT } from '@daasvader/vsock/ports.ts';
import type { Vsock } from '@daasvader/vsock/vsock.ts';
import { answerRoutes } from '../api/answers.ts';
import { attestationRoutes } from '../api/attestation.ts';
import { contractCallRoutes, type RelayedContracts } from '../api/contract-call.ts';
import { joinRoutes } from '../api/join.ts';
import { type KubeconfigOptions, kubeconfigRoutes } from '../api/kubeconfig.ts';
import { type MonitoringOptions, monitoringRoutes } from '../api/monitoring.ts';
import { RateLimit } from '../api/rate-limit.ts';
import { createApi, listenTls, listenUnix, type Routes, type TlsCredentials } from '../api/server.ts';
import { stakingRoutes } from '../api/staking.ts';
import { pageRoutes } from '../api/verify-page.ts';
import type { Answers } from '../kube/answers.ts';
import { CredentialProofs } from '../kube/credential.ts';
import { relayTo } from '../kube/relay.ts';
import type { Logger } from '../log.ts';
import type { Nsm } from '../nsm/nsm.ts';
import type { Configuration } from './configuration.ts';
import type { Controllers } from './controllers.ts';

/** What the API answers from. */
export interface ApiOptions
  extends Omit<KubeconfigOptions, 'tenants' | 'proofs'>,
    Pick<MonitoringOptions, 'metrics' | 'status'> {
  readonly nsm: Nsm;
  readonly cluster: Configuration['cluster'];
  /** What the enclave attests. */
  readonly binding: Binding;
  readonly contracts: RelayedContracts;
  readonly controllers: Controllers;
}

/** The routes of the API on both doors. */
export function apiRoutes(options: ApiOptions): Routes[] {
  const { nsm, cluster, contracts, binding, controllers, state, assertFresh } = options;
  const { join, nodes, tenants } = controllers;
  const proofs = new CredentialProofs(cluster.registryId);
  return [
    monitoringRoutes({ ...options, readiness: () => nodes.readiness, assertSound: assertFresh }),
    stakingRoutes(state, new ContractReader(contracts.client, cluster)),
    attestationRoutes(nsm, binding),
    pageRoutes,
    joinRoutes(join, assertFresh),
    kubeconfigRoutes({ ...options, tenants, proofs }),
    contractCallRoutes(contracts),
  ];
}

/** Where the doors are: what the API and Kubernetes are reached by. */
export interface Doors {
  readonly vsock: Vsock;
  readonly tls: TlsCredentials;
  /** Unix socket on which the Kubernetes server forwards what is the API's, and says which user asks. */
  readonly apiSocket: string;
  /** Told there alone. */
  readonly answers: Answers;
  /** Loopback port of the Kubernetes server. */
  readonly kubernetesPort: number;
}

/** Lets users and workers in: from now on the API and Kubernetes answer. */
export async function openDoors(
  routes: readonly Routes[],
  { vsock, tls, apiSocket, answers, kubernetesPort }: Doors,
  log: Logger,
): Promise<void> {
  const limit = new RateLimit();
  await listenUnix(createApi([...routes, answerRoutes(answers)], log, limit), apiSocket);
  await listenTls(createApi(routes, log, limit), vsock, tls);
  await vsock.listen(ENCLAVE_PORT.kubernetes, relayTo(kubernetesPort));
}
