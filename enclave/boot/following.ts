import type { Committee } from '@daasvader/checkpoint/committee.ts';
import { Audit } from '../audit/audit.ts';
import { ClusterState } from '../chain/cluster-state.ts';
import { Follower } from '../chain/follower.ts';
import { Freshness } from '../chain/freshness.ts';
import { ChainClock } from '../chain/heartbeat.ts';
import { Writer } from '../chain/writer.ts';
import { allOf, type Gate } from '../gate.ts';
import { objectOf } from '../kube/plan.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { Reactor } from '../reactor.ts';
import type { Chain } from './chain.ts';
import type { Configuration } from './configuration.ts';

/** What following the chain needs. */
export interface FollowingOptions {
  readonly cluster: Configuration['cluster'];
  readonly chain: Chain;
  /** To start from. */
  readonly committee: Committee;
  /** Closed while Kubernetes does not keep what is written. */
  readonly canary: Gate;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/**
 * Begins to take note of what the chain says, until `signal` fires. Nothing is acted upon before the reactor is given
 * hands, and nothing but heartbeats is said to the chain while its word is old or Kubernetes keeps nothing.
 */
export function followChain(options: FollowingOptions, signal: AbortSignal) {
  const { cluster, chain, committee, canary, metrics, log } = options;
  const state = new ClusterState(objectOf);
  const audit = new Audit((entry) => log.info({ audit: entry }, 'audit'));
  const clock = new ChainClock();
  const freshness = new Freshness();
  const sound = allOf(freshness, canary);
  const gate = { assert: sound.assert, wait: sound.wait, sent: freshness.sent };
  const onFailure = chain.anyNode.next;
  const writer = new Writer({ operator: chain.operator, freshness: gate, metrics, log, onFailure });
  const reactor = new Reactor({ state, log, metrics, whenFresh: sound.wait });
  const follower = new Follower({
    nodes: chain.nodes,
    committee,
    services: chain.services,
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
  return { state, audit, clock, freshness, sound, writer, reactor, follower, following };
}
