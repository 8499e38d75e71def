import type { OperatorIds } from '@daasvader/chain/calls/operator.ts';
import type { Audit } from '../audit/audit.ts';
import type { ClusterState } from '../chain/cluster-state.ts';
import type { ChainClock } from '../chain/heartbeat.ts';
import type { Writer } from '../chain/writer.ts';
import { Answers } from '../kube/answers.ts';
import type { Blobs } from '../kube/blobs.ts';
import { BootstrapTokens } from '../kube/bootstrap-tokens.ts';
import { approveCsrs, type NodeSigners } from '../kube/csr-approver.ts';
import { Executor } from '../kube/executor.ts';
import { Fence } from '../kube/fence.ts';
import { Join } from '../kube/join.ts';
import { type DoubleIdentityProof, JoinCounters } from '../kube/join-counters.ts';
import type { Kubernetes } from '../kube/kubernetes.ts';
import { Nodes } from '../kube/nodes.ts';
import { Tenants } from '../kube/tenants.ts';
import { Tracker } from '../kube/tracker.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Hands } from '../reactor.ts';

/** What the controllers work with. */
export interface ControllersOptions {
  readonly kubernetes: Kubernetes;
  readonly state: ClusterState;
  readonly signers: NodeSigners;
  readonly writer: Writer;
  readonly seat: OperatorIds;
  readonly audit: Audit;
  /** Where the bodies of orders are that the chain has only the digests of. */
  readonly blobs: Blobs;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly clock: ChainClock;
  /** Throws while the chain's word is too old to let anyone in. */
  readonly assertFresh: () => void;
  /** Resolves when the chain's word is fresh enough to act upon. */
  readonly whenFresh: () => Promise<void>;
  /** Of this boot, 16 bytes. */
  readonly bootId: Uint8Array;
  readonly caPem: string;
  readonly apiServer: string;
}

/** Everything that acts in Kubernetes on the chain's word. */
export interface Controllers extends Hands {
  readonly join: Join;
  /** Of Kubernetes to orders. */
  readonly answers: Answers;
  /** Ends when `signal` of {@link startControllers} fires. */
  readonly watching: Promise<unknown>;
}

/** Starts to watch nodes, workloads and signing requests, until `signal` fires. */
export function startControllers(options: ControllersOptions, signal: AbortSignal): Controllers {
  const { kubernetes, state, seat, clock, log } = options;
  const tokens = new BootstrapTokens(kubernetes);
  const tenants = new Tenants(kubernetes, state.roles);
  const tracker = new Tracker(kubernetes);
  const answers = new Answers(state.requests);
  const clusterId = seat.registryId;
  const counters = new JoinCounters({
    ...{ state, clusterId, bootId: options.bootId },
    onDoubleIdentity: (proof) => tellDoubleIdentity(options, proof),
  });
  const nodes = new Nodes({ ...options, tokens, counters, fence: new Fence(kubernetes) });
  const executor = new Executor({ ...options, tenants, tracker, answers });
  const join = new Join({ ...options, state, tokens, counters, clusterId, chainTime: clock.now });
  const watches = [
    tracker.run(log, signal),
    nodes.run(signal),
    approveCsrs({ ...options, admission: join }, signal),
  ];
  return { executor, nodes, tenants, join, answers, watching: Promise.all(watches) };
}

/** Anybody may bring the proof to the chain: `daas slash` does. */
function tellDoubleIdentity({ audit, log }: ControllersOptions, proof: DoubleIdentityProof): void {
  audit.append({ action: 'double-identity', subject: proof.nodeId, result: JSON.stringify(proof) });
  log.warn(
    { proof },
    'a worker signed two joins under one counter: daas slash brings the proof to the chain',
  );
}
