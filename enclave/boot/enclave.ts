import type { Vsock } from '@daasvader/vsock/vsock.ts';
import { beatUntilSynced, keepBeating } from '../chain/heartbeat.ts';
import { lead, whileInOffice } from '../chain/lead.ts';
import { Canary } from '../kube/canary.ts';
import { K3s } from '../kube/k3s.ts';
import type { Kubernetes } from '../kube/kubernetes.ts';
import { clusterBaseline } from '../kube/roles.ts';
import type { Logger } from '../log.ts';
import { Metrics } from '../metrics.ts';
import type { Nsm } from '../nsm/nsm.ts';
import { Anteroom } from './anteroom.ts';
import { apiRoutes, openDoors } from './api.ts';
import { openChain } from './chain.ts';
import { startingCommittee } from './committee.ts';
import { type Configuration, fetchConfiguration } from './configuration.ts';
import { startControllers } from './controllers.ts';
import { followChain } from './following.ts';
import { generateKeys } from './keys.ts';
import { sendPulse } from './pulse.ts';
import { takeASeat } from './seat.ts';
import { Steps } from './steps.ts';

/** The machine that the enclave runs on. */
export interface EnclaveOptions {
  readonly vsock: Vsock;
  readonly nsm: Nsm;
  readonly log: Logger;
  readonly k3sBinary: string;
  readonly k3sDir: string;
  readonly signal: AbortSignal;
}

/**
 * The whole life of the enclave: from its first byte to the host until `signal` fires.
 *
 * @throws when a step of the boot fails, when the chain says that this enclave may not act any more, and what `signal`
 *   says when it fires during the boot; nobody is admitted before all steps have succeeded
 */
export async function runEnclave(options: EnclaveOptions): Promise<void> {
  const { vsock, log, k3sDir, signal } = options;
  const metrics = new Metrics();
  const steps = new Steps(log, metrics);
  await steps.run('pulse', () => orStopped(signal, sendPulse(vsock)));
  const configuration = await steps.run('configuration', () => orStopped(signal, fetchConfiguration(vsock)));
  const k3s = await steps.run('k3s start', () =>
    K3s.start({
      binary: options.k3sBinary,
      dataDir: k3sDir,
      apiSocket: apiSocketOf(k3sDir),
      names: configuration.api.external_names,
      externalUrl: configuration.api.external_url,
      clusterCidr: configuration.k3s.cluster_cidr,
      serviceCidr: configuration.k3s.service_cidr,
      log,
      onRestart: () => metrics.k3sRestarts.inc(),
    }),
  );
  try {
    await orStopped(signal, operate(options, configuration, k3s, metrics, steps));
  } finally {
    await k3s.stop();
  }
}

/** Waits for work, but not a moment longer than until `signal` fires: what is under way then ends with the process. */
function orStopped<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  return Promise.race([work, stopped]).finally(() => signal.removeEventListener('abort', onAbort));
}

/** From the keys of this boot to its end: each step is one of the lines below. */
async function operate(
  { vsock, nsm, log, k3sDir, signal }: EnclaveOptions,
  configuration: Configuration,
  k3s: K3s,
  metrics: Metrics,
  steps: Steps,
): Promise<void> {
  const { cluster, api, heartbeat_interval: heartbeatSeconds } = configuration;
  const keys = await steps.run('keys', () => generateKeys(api.external_names));
  const kubernetes = await startKubernetes(k3s, steps);
  const canary = new Canary({ kubernetes, restart: () => k3s.restart(), metrics, log });
  const singing = canary.run(signal);
  const [caPem, signers] = await Promise.all([k3s.serverCa(), k3s.signers()]);

  const chain = openChain(configuration, vsock, keys.operator);
  const committee = await steps.run('committee', () => startingCommittee(chain.client, cluster));
  const followed = followChain({ cluster, chain, committee, canary, metrics, log }, signal);
  const { state, registry, standing, seat, audit, clock, freshness, sound, writer, reactor, follower } =
    followed;
  await steps.run('chain', () => follower.listening);
  const status = () => ({
    ...{ follower: follower.status, steps: steps.status },
    ...{ enclave: standing.enclaveId, term: standing.term?.toString() },
  });
  const binding = await takeASeat(
    { configuration, keys, caPem, chain, committee, followed, nsm },
    steps,
    signal,
  );
  const anteroom = new Anteroom({ vsock, tls: keys.tls, log, status });
  const leading = { operator: chain.operator, registry, standing, seat, log, onWait: anteroom.waitFor };
  await steps.run('lead', () => lead(leading, signal));
  audit.append({ action: 'lead', subject: seat.enclaveId, result: `leads in term ${standing.term}` });
  const beating = { writer, seat, standing, audit, clock };
  await steps.run('follower', () => beatUntilSynced(beating, signal));

  const fresh = { assertFresh: sound.assert, whenFresh: sound.wait };
  const { bootId } = keys;
  const parts = { state, audit, metrics, caPem, bootId, apiServer: api.external_url, ...fresh };
  const { blobs } = chain;
  const controllers = startControllers(
    { ...parts, kubernetes, signers, writer, seat, clock, blobs, log },
    signal,
  );
  await steps.run('rebuild', () => reactor.rebuild(controllers));

  const signer = signers.client;
  const contracts = { client: chain.client, ids: seat, packages: registry.packages };
  const routes = apiRoutes({ ...parts, nsm, cluster, contracts, binding, controllers, signer, status });
  const { answers } = controllers;
  const doors = { vsock, tls: keys.tls, apiSocket: apiSocketOf(k3sDir), answers, kubernetesPort: k3s.port };
  await anteroom.close();
  await steps.run('admit workers', () => openDoors(routes, doors, log));

  const heartbeats = keepBeating(heartbeatSeconds, beating, signal);
  const watching = freshness.watch(log, signal);
  const inOffice = whileInOffice(standing, signal); // who has lost its seat serves nobody from then on
  await Promise.all([singing, controllers.watching, followed.following, watching, heartbeats, inOffice]);
  writer.stop();
}

/** Waits for Kubernetes and gives it what every cluster has. */
async function startKubernetes(k3s: K3s, steps: Steps): Promise<Kubernetes> {
  const kubernetes = await steps.run('k3s ready', () => k3s.ready());
  await steps.run('cluster roles', () =>
    Promise.all(clusterBaseline().map((object) => kubernetes.apply(object))),
  );
  return kubernetes;
}

/** Where the Kubernetes server forwards what is the API's. */
function apiSocketOf(k3sDir: string): string {
  return `${k3sDir}.api.sock`;
}
