import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { activateWorker } from '@daasvader/chain/calls/operator.ts';
import { stakeAndRegisterWorker } from '@daasvader/chain/calls/worker-owner.ts';
import { readCommittee } from '@daasvader/chain/committee.ts';
import type { EventKind } from '@daasvader/chain/events.ts';
import { submit } from '@daasvader/chain/submit.ts';
import type { Chain } from '@daasvader/enclave/boot/chain.ts';
import { type Followed, followChain } from '@daasvader/enclave/boot/following.ts';
import { ChainRefusal } from '@daasvader/enclave/chain/chain-refusal.ts';
import { beatUntilSynced, keepBeating } from '@daasvader/enclave/chain/heartbeat.ts';
import { lead, untilSeated } from '@daasvader/enclave/chain/lead.ts';
import { Operator } from '@daasvader/enclave/chain/operator.ts';
import { register, takeSeat } from '@daasvader/enclave/chain/registration.ts';
import { Report } from '@daasvader/enclave/chain/report.ts';
import type { Request } from '@daasvader/enclave/chain/requests.ts';
import { Metrics } from '@daasvader/enclave/metrics.ts';
import type { Hands } from '@daasvader/enclave/reactor.ts';
import type { ChainCluster } from '@daasvader/testbed/cluster/chain-cluster.ts';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { pino } from 'pino';

const SUI = 1_000_000_000n;
/**
 * Ms until Sui's consensus has ordered what touches shared objects, which the devnet does at once. While transactions are
 * under way the writer gathers what goes into the next: with quicker answers batches would be smaller, and cost more.
 */
const CONSENSUS_MS = 400;
/** The default of a host's configuration. */
const HEARTBEAT_SECONDS = 30;
const TOLD: ReadonlySet<string> = new Set<EventKind>([
  'RequestStartedEvent',
  'WorkerAssignedEvent',
  'RequestCompletedEvent',
]);
const log = pino({ enabled: false });
const nothing = async () => undefined;
/** What fails here is an order that never ends, which the bench waits for. */
const complain = (error: unknown) => void process.stderr.write(`${error}\n`);

/** Digests of what was sent to the chain, whatever became of it. */
export interface Sent {
  readonly statements: string[];
  readonly heartbeats: string[];
}

/**
 * An enclave that leads, without Kubernetes: all that it follows and says is the enclave's own code, and whatever is
 * ordered is carried out at once.
 */
export class Leader {
  readonly sent: Sent;
  /** Of each order, ms from the chain's time of it until this enclave has it proven. */
  readonly heard: number[] = [];
  /** Of each order that the chain says is completed, ms from the chain's time of it until that is proven here. */
  readonly latencies: number[] = [];
  readonly #metrics: Metrics;
  readonly #followed: Followed;
  readonly #report: Report;
  readonly #stop: AbortController;
  readonly #nodes: string[] = [];
  readonly #orderedAtMs = new Map<bigint, number>();

  private constructor(followed: Followed, sent: Sent, metrics: Metrics, stop: AbortController) {
    const { writer, seat, state } = followed;
    this.#followed = followed;
    this.#metrics = metrics;
    this.sent = sent;
    this.#stop = stop;
    this.#report = new Report({ writer, seat, requests: state.requests });
  }

  /** Registers, takes the seat and the lead, and beats from then on. */
  static async start(cluster: ChainCluster): Promise<Leader> {
    const { client, services, nsm, deployment, devnet } = cluster;
    const sent: Sent = { statements: [], heartbeats: [] };
    const operator = new MeasuredOperator(client, services, new Ed25519Keypair(), sent);
    const nodes = [{ url: devnet.url, client }];
    const chain = {
      nodes,
      anyNode: { next: () => undefined },
      client,
      services,
      operator,
    } as unknown as Chain;
    const committee = await readCommittee(client);
    const canary = { reason: undefined, assert: () => undefined };
    const metrics = new Metrics();
    const stop = new AbortController();
    const options = { cluster: deployment, chain, committee, canary, metrics, log };
    const followed = followChain(options, stop.signal);
    await followed.follower.listening;
    const binding = await cluster.bindingOf(operator.address);
    const registration = { operator, nsm, services, ids: deployment, binding };
    await takeSeat(registration, await register(registration));
    const { standing, registry, seat } = followed;
    await untilSeated(standing, stop.signal);
    await lead({ operator, seat, registry, standing, log, onWait: nothing }, stop.signal);
    await beatUntilSynced(followed, stop.signal);
    keepBeating(HEARTBEAT_SECONDS, followed, stop.signal).catch(complain);
    const leader = new Leader(followed, sent, metrics, stop);
    await leader.#work();
    return leader;
  }

  /** Has a provider register workers, and lets them in. */
  async addWorkers(cluster: ChainCluster, count: number): Promise<void> {
    const owner = await cluster.fundedAccount();
    const { writer, seat } = this.#followed;
    for (let index = 0; index < count; index += 1) {
      const nodeId = `worker-${index}`;
      const sealToken = `${index}`.padStart(64, '0');
      const identityKey = new Ed25519Keypair().getPublicKey().toRawBytes();
      const worker = { stake: 5n * SUI, nodeId, sealToken, identityKey };
      await submit(cluster.client, owner, (tx) => stakeAndRegisterWorker(tx, cluster.deployment, worker));
      await writer.submit({
        ...{ subject: nodeId, party: '', label: `activate ${nodeId}`, needed: () => true },
        build: (tx, act) => activateWorker(tx, seat, act, { nodeId, counter: 1n }),
      });
      this.#nodes.push(nodeId);
    }
  }

  /** Statements about orders that came back proven. */
  async told(): Promise<number> {
    const { values } = await this.#metrics.events.get();
    return values
      .filter(({ labels }) => TOLD.has(`${labels.kind}`))
      .reduce((sum, { value }) => sum + value, 0);
  }

  /** Makes no further statement, and follows no more. */
  stop(): Promise<void> {
    this.#followed.writer.stop();
    this.#stop.abort();
    return this.#followed.following;
  }

  async #work(): Promise<void> {
    const executor = {
      submit: (request: Request) => this.#carryOut(request),
      cancel: () => undefined,
      ended: (requestId: bigint) => this.#end(requestId),
      tried: Promise.resolve(),
    };
    const nodes = { onWorkerStatus: nothing };
    const tenants = { follow: nothing, squeezed: [] };
    await this.#followed.reactor.rebuild({ executor, nodes, tenants } as unknown as Hands);
  }

  /** All that is told of an order that succeeds at once: of a workload also that it started, and where. */
  #carryOut({ requestId, path, atMs }: Request): void {
    this.#orderedAtMs.set(requestId, atMs);
    this.heard.push(Date.now() - atMs);
    const isWorkload = path.endsWith('/deployments');
    const node = this.#nodes[Number(requestId) % this.#nodes.length]!;
    if (isWorkload) {
      this.#report.started(requestId).catch(complain);
      this.#report.assigned(requestId, [node]).catch(complain);
    }
    const digest = createHash('sha256').update(`${requestId}`).digest();
    this.#report.completed(requestId, digest).catch(complain);
  }

  #end(requestId: bigint): void {
    this.latencies.push(Date.now() - this.#orderedAtMs.get(requestId)!);
    this.#orderedAtMs.delete(requestId);
  }
}

/** Takes as long as it would on Sui, and notes what it sends; only heartbeats want to know when they are signed. */
class MeasuredOperator extends Operator {
  readonly #sent: Sent;

  constructor(
    client: ChainCluster['client'],
    services: ChainCluster['services'],
    key: Ed25519Keypair,
    sent: Sent,
  ) {
    super(client, services, key);
    this.#sent = sent;
  }

  override async execute(...[build, onSigned]: Parameters<Operator['execute']>) {
    const digests = onSigned === undefined ? this.#sent.statements : this.#sent.heartbeats;
    try {
      await sleep(CONSENSUS_MS);
      const executed = await super.execute(build, onSigned);
      digests.push(executed.digest);
      return executed;
    } catch (error) {
      if (error instanceof ChainRefusal && error.digest !== undefined) digests.push(error.digest);
      throw error;
    }
  }
}
