import { decodeEvent } from '@daasvader/chain/events.ts';
import type { RawEvent } from '@daasvader/chain/log.ts';
import type { Committee } from '@daasvader/checkpoint/committee.ts';
import type { Transaction } from '@mysten/sui/transactions';
import { Audit } from '../audit/audit.ts';
import { ClusterState } from '../chain/cluster-state.ts';
import { Follower } from '../chain/follower.ts';
import { Freshness } from '../chain/freshness.ts';
import { ChainClock } from '../chain/heartbeat.ts';
import { beginInTerm } from '../chain/lead.ts';
import { operatorIds } from '../chain/operator-ids.ts';
import { Registry } from '../chain/registry.ts';
import { Standing } from '../chain/standing.ts';
import { Writer } from '../chain/writer.ts';
import { allOf, type Gate } from '../gate.ts';
import { objectOf } from '../kube/replay.ts';
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

/** What comes of following the chain. */
export type Followed = ReturnType<typeof followChain>;

/**
 * Begins to take note of what the chain says, until `signal` fires. Nothing is acted upon before the reactor is given
 * hands, and nothing but heartbeats is said to the chain while its word is old or Kubernetes keeps nothing. Once the
 * chain says that this enclave lost its seat or the lead, nothing is fresh for it any more.
 */
export function followChain(options: FollowingOptions, signal: AbortSignal) {
  const { cluster, chain, committee, canary, metrics, log } = options;
  const state = new ClusterState(objectOf);
  const registry = new Registry(cluster.originalPackageId);
  const standing = new Standing(chain.operator.address, registry);
  const seat = operatorIds(cluster, registry, standing);
  const audit = new Audit((entry) => log.info({ audit: entry }, 'audit'));
  const clock = new ChainClock();
  const freshness = new Freshness();
  const sound = allOf(freshness, canary);
  const gate = { wait: sound.wait, sent: freshness.sent };
  const onFailure = chain.anyNode.next;
  const begin = (tx: Transaction) => beginInTerm(tx, seat, standing, clock.now());
  const writer = new Writer({ operator: chain.operator, begin, freshness: gate, metrics, log, onFailure });
  const reactor = new Reactor({ state, log, metrics, whenFresh: sound.wait });
  const onRegistry = (raw: RawEvent) => {
    const event = decodeEvent(raw);
    if (!event) return;
    registry.apply(event);
    standing.apply(event);
    if (standing.lost === undefined || freshness.isHalted) return;
    freshness.halt(standing.lost);
    writer.stop();
    audit.append({ action: 'lead', subject: `${standing.enclaveId}`, result: standing.lost });
    log.fatal({ code: 'registration' }, standing.lost);
  };
  const follower = new Follower({
    nodes: chain.nodes,
    committee,
    services: chain.services,
    freshness,
    metrics,
    packages: registry.packages,
    registryId: cluster.registryId,
    logIds: [cluster.registryId, cluster.workersId, cluster.stakingId, cluster.schedulerId],
    log,
    onEvent: (event) => {
      if (event.logId === cluster.registryId) onRegistry(event);
      reactor.onEvent(event);
    },
    onHeads: (timestampMs) => {
      clock.set(timestampMs);
      reactor.onTime(timestampMs);
    },
    onProven: clock.hint,
  });
  const following = follower.run(signal);
  return {
    ...{ state, registry, standing, seat, audit, clock },
    ...{ freshness, sound, writer, reactor, follower, following },
  };
}
