import { setTimeout as sleep } from 'node:timers/promises';
import type { OperatorIds } from '@daasvader/chain/calls/operator.ts';
import { WORKER_STATUS } from '@daasvader/chain/codes.ts';
import type { V1Node } from '@kubernetes/client-node';
import type { Audit } from '../audit/audit.ts';
import type { ClusterState } from '../chain/cluster-state.ts';
import type { ChainClock } from '../chain/heartbeat.ts';
import { WorkerLevels } from '../chain/worker-levels.ts';
import type { Writer } from '../chain/writer.ts';
import type { Logger } from '../log.ts';
import type { BootstrapTokens } from './bootstrap-tokens.ts';
import type { Fence } from './fence.ts';
import type { JoinCounters } from './join-counters.ts';
import { type Kubernetes, reasonOf } from './kubernetes.ts';
import { watchObjects } from './watch.ts';

const RETRY_MS = 1_000;

/** What keeping nodes and workers in step needs. */
export interface NodesOptions {
  readonly kubernetes: Kubernetes;
  readonly state: ClusterState;
  readonly tokens: BootstrapTokens;
  readonly fence: Fence;
  readonly writer: Pick<Writer, 'submit'>;
  readonly seat: OperatorIds;
  readonly audit: Audit;
  readonly log: Logger;
  readonly clock: Pick<ChainClock, 'now'>;
  readonly counters: Pick<JoinCounters, 'last'>;
}

/** Keeps the chain's workers and Kubernetes's nodes in step: one tells readiness, the other who may be a node. */
export class Nodes {
  readonly #options: NodesOptions;
  readonly #ready = new Map<string, boolean>();
  /** What was told of a node last, while it is not reacted to. */
  readonly #newest = new Map<string, V1Node>();
  readonly #levels: WorkerLevels;

  constructor(options: NodesOptions) {
    this.#options = options;
    this.#levels = new WorkerLevels({
      ...options,
      isReady: (nodeId) => this.#ready.get(nodeId) === true,
      chainTime: options.clock.now,
      counterOf: (nodeId) => options.counters.last(nodeId),
    });
  }

  /** Every node that was seen, and whether it was ready. */
  get readiness(): ReadonlyMap<string, boolean> {
    return this.#ready;
  }

  /** Watches nodes until `signal` fires. */
  async run(signal: AbortSignal): Promise<void> {
    const { kubernetes, log } = this.#options;
    const onObject = (node: V1Node, phase: 'present' | 'deleted') => void this.react(node, phase, signal);
    await watchObjects(kubernetes, { path: '/api/v1/nodes', log, signal, onObject });
  }

  /** Reacts to what is told of a node until that succeeds or something newer was told; does not fail. */
  async react(node: V1Node, phase: 'present' | 'deleted', signal: AbortSignal): Promise<void> {
    const nodeId = node.metadata?.name ?? '';
    this.#newest.set(nodeId, node);
    while (this.#newest.get(nodeId) === node && !signal.aborted) {
      try {
        await this.#see(node, phase);
        if (this.#newest.get(nodeId) === node) this.#newest.delete(nodeId);
      } catch (error) {
        this.#options.log.warn({ nodeId, error: reasonOf(error) }, 'nodes: cannot react, trying again');
        await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** Follows a change of a worker's status on chain. */
  async onWorkerStatus(nodeId: string): Promise<void> {
    const { state, fence } = this.#options;
    if (!state.isAdmitted(nodeId)) return this.#expel(nodeId);
    await fence.open(nodeId);
    if (!this.#ready.has(nodeId)) return;
    this.#levels.tell(nodeId); // its node may have changed while the chain did
    await this.#setSchedulable(nodeId);
  }

  async #setSchedulable(name: string): Promise<void> {
    const spec = { unschedulable: this.#isDraining(name) };
    await this.#options.kubernetes.apply({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name },
      spec,
    } as V1Node);
  }

  #isDraining(nodeId: string): boolean {
    return this.#options.state.worker(nodeId)?.status === WORKER_STATUS.draining;
  }

  async #see(node: V1Node, phase: string): Promise<void> {
    const nodeId = node.metadata?.name ?? '';
    if (phase === 'deleted') {
      if (this.#ready.delete(nodeId)) this.#tellChain(nodeId);
      return;
    }
    if (!this.#options.state.isAdmitted(nodeId)) return this.#expel(nodeId);
    const isReady =
      node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
    // Only the node's own certificate can make its Node object, so the bootstrap token has done its work.
    if (!this.#ready.has(nodeId)) await this.#options.tokens.revoke(nodeId);
    if (this.#ready.get(nodeId) !== isReady) {
      this.#ready.set(nodeId, isReady);
      this.#tellChain(nodeId);
    }
    // In a cluster that was rebuilt its worker may have been draining before the node came back.
    if (this.#isDraining(nodeId) !== (node.spec?.unschedulable === true)) await this.#setSchedulable(nodeId);
  }

  #tellChain(nodeId: string): void {
    const { log } = this.#options;
    log.info({ nodeId, ready: this.#ready.get(nodeId) === true }, 'node status changed');
    this.#levels.tell(nodeId);
  }

  /** The fence comes first: behind it the node can put nothing back. */
  async #expel(nodeId: string): Promise<void> {
    const { kubernetes, tokens, fence, audit } = this.#options;
    await fence.close(nodeId);
    await tokens.revoke(nodeId);
    await kubernetes.delete({ apiVersion: 'v1', kind: 'Node', metadata: { name: nodeId } });
    if (this.#ready.delete(nodeId))
      audit.append({ action: 'expel', subject: nodeId, result: 'disconnected, node deleted' });
  }
}
