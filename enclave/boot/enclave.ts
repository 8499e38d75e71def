import { boundedFetch, openFullNode } from '@daasvader/chain/full-node.ts';
import { ContractReader } from '@daasvader/chain/objects.ts';
import { proxyFetch } from '@daasvader/vsock/fetch.ts';
import type { Vsock } from '@daasvader/vsock/vsock.ts';
import { attestationRoutes } from '../api/attestation.ts';
import { contractCallRoutes } from '../api/contract-call.ts';
import { joinRoutes } from '../api/join.ts';
import { kubeconfigRoutes } from '../api/kubeconfig.ts';
import { monitoringRoutes } from '../api/monitoring.ts';
import { createApi, listenTls, listenUnix } from '../api/server.ts';
import { stakingRoutes } from '../api/staking.ts';
import { pageRoutes } from '../api/verify-page.ts';
import { Audit } from '../audit/audit.ts';
import { AnyNode } from '../chain/any-node.ts';
import { ClusterState } from '../chain/cluster-state.ts';
import { Follower } from '../chain/follower.ts';
import { Freshness } from '../chain/freshness.ts';
import { HostServices } from '../chain/host-services.ts';
import { Operator } from '../chain/operator.ts';
import { beatUntilSynced, ChainClock, keepBeating } from '../chain/pulse.ts';
import { register, takeSeat } from '../chain/registration.ts';
import { Writer } from '../chain/writer.ts';
import { allOf } from '../gate.ts';
import { Canary } from '../kube/canary.ts';
import { CredentialProofs } from '../kube/credential.ts';
import { K3s } from '../kube/k3s.ts';
import { objectOf } from '../kube/plan.ts';
import { relayTo } from '../kube/relay.ts';
import { clusterBaseline } from '../kube/roles.ts';
import type { Logger } from '../log.ts';
import { Metrics } from '../metrics.ts';
import type { Nsm } from '../nsm/nsm.ts';
import { Reactor } from '../reactor.ts';
import { makeBinding } from './binding.ts';
import { startingCommittee } from './committee.ts';
import { type Configuration, fetchConfiguration } from './configuration.ts';
import { startControlPlane } from './control-plane.ts';
import { generateKeys } from './keys.ts';
import { sendPulse } from './pulse.ts';
import { Steps } from './steps.ts';

const OUTBOUND_PORT = 9002;
const KUBERNETES_PORT = 6443;
/** So that another full node can still answer within the time that a transaction of ours has. */
const FULL_NODE_ANSWER_MS = 10_000;

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
 * @throws when a step of the boot fails, and what `signal` says when it fires in between; nobody is admitted before all
 *   of them have succeeded
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
      apiSocket: `${k3sDir}.api.sock`,
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

async function operate(
  { vsock, nsm, log, k3sDir, signal }: EnclaveOptions,
  configuration: Configuration,
  k3s: K3s,
  metrics: Metrics,
  steps: Steps,
): Promise<void> {
  const { cluster, api, heartbeat_interval: heartbeatSeconds } = configuration;
  const keys = await steps.run('keys', () => generateKeys(api.external_names));
  const kubernetes = await steps.run('k3s ready', () => k3s.ready());
  await steps.run('cluster roles', () =>
    Promise.all(clusterBaseline().map((object) => kubernetes.apply(object))),
  );

  const canary = new Canary({ kubernetes, restart: () => k3s.restart(), metrics, log });
  const singing = canary.run(signal);

  const fullNodes = openFullNodes(configuration, vsock);
  const { client } = fullNodes.any;
  const services = new HostServices(vsock);
  const operator = new Operator(client, services, keys.operator);
  const [caPem, signers] = await Promise.all([k3s.serverCa(), k3s.signers()]);
  const committee = await steps.run('committee', () => startingCommittee(client, cluster));
  const binding = await steps.run('binding', () =>
    makeBinding(configuration, keys, caPem, client, committee),
  );
  const registration = { operator, nsm, services, ids: cluster, binding };
  const seat = await steps.run('registration', () => register(registration));
  await steps.run('seat', () => takeSeat(registration, seat));

  const state = new ClusterState(objectOf);
  const audit = new Audit((entry) => log.info({ audit: entry }, 'audit'));
  const clock = new ChainClock();
  const freshness = new Freshness();
  // Nothing is done, and nothing told to the chain but the heartbeat, while either fails.
  const sound = allOf(freshness, canary);
  const gate = { assert: sound.assert, wait: sound.wait, sent: freshness.sent };
  const writer = new Writer({ operator, freshness: gate, metrics, log, onFailure: fullNodes.any.next });
  const reactor = new Reactor({ state, log, metrics, whenFresh: sound.wait });
  const follower = new Follower({
    nodes: fullNodes.each,
    committee,
    services,
    freshness,
    metrics,
    packageId: cluster.packageId,
    logIds: [cluster.registryId, cluster.workersId, cluster.stakingId, cluster.schedulerId],
    log,
    onEvent: reactor.onEvent,
    onHeads: (timestampMs) => {
      clock.set(timestampMs);
      reactor.onTime(timestampMs);
    },
  });
  const following = follower.run(signal);
  await steps.run('follower', () => beatUntilSynced(writer, seat, audit, clock, signal));

  const parts = {
    kubernetes,
    signers,
    state,
    writer,
    seat,
    audit,
    metrics,
    log,
    clock,
    assertFresh: sound.assert,
    whenFresh: sound.wait,
    caPem,
    apiServer: api.external_url,
  };
  const controlPlane = startControlPlane(parts, signal);
  const { join, nodes, tenants, watching } = controlPlane;
  await steps.run('rebuild', () => reactor.rebuild(controlPlane));

  const { assertFresh } = parts;
  const proofs = new CredentialProofs(cluster.registryId);
  const status = () => ({ follower: follower.status, steps: steps.status, enclave: seat.enclaveId });
  const routes = [
    monitoringRoutes({
      state,
      audit,
      metrics,
      readiness: () => nodes.readiness,
      assertSound: assertFresh,
      status,
    }),
    stakingRoutes(state, new ContractReader(client, cluster)),
    attestationRoutes(nsm, binding),
    pageRoutes,
    joinRoutes(join, assertFresh),
    kubeconfigRoutes({ ...parts, tenants, proofs, signer: signers.client }),
    contractCallRoutes(client, cluster),
  ];
  await steps.run('admit workers', async () => {
    const server = createApi(routes, log);
    await listenUnix(server, `${k3sDir}.api.sock`);
    await listenTls(server, vsock, keys.tls);
    await vsock.listen(KUBERNETES_PORT, relayTo(k3s.port));
  });
  await Promise.all([
    singing,
    watching,
    following,
    freshness.watch(log, signal),
    keepBeating(heartbeatSeconds, writer, seat, audit, signal),
  ]);
  writer.stop();
}

/** Each full node by itself, for what must be proven, and any of them for the rest. */
function openFullNodes({ cluster, sui }: Configuration, vsock: Vsock) {
  const { fetch } = proxyFetch(vsock, OUTBOUND_PORT, Number.POSITIVE_INFINITY);
  const bounded = { fetch, answerMs: FULL_NODE_ANSWER_MS };
  const { network } = cluster;
  const urls = [sui.rpc_endpoint, ...sui.rpc_endpoints];
  const each = urls.map((url) => ({ url, client: openFullNode(network, url, bounded) }));
  return { each, any: new AnyNode(network, urls, boundedFetch(bounded)) };
}
