import { ABORTS } from '@daasvader/chain/aborts.ts';
import { OBJECTS } from '@daasvader/chain/layouts.ts';
import { ContractReader } from '@daasvader/chain/objects.ts';
import { bcs } from '@mysten/sui/bcs';
import { deriveDynamicFieldID } from '@mysten/sui/utils';
import type { Execution } from '../devnet/execution/execute.ts';
import { Fork, type ForkArgument, type ForkCall } from '../devnet/testing/fork.ts';
import { SeatedCluster } from './seated-cluster.ts';

const CLOCK: ForkArgument = { shared: `0x${'6'.padStart(64, '0')}`, mutable: false };
const UID_LENGTH = 32;
/** Of the act that begins every transaction of the operator. */
const ACT: ForkArgument = { result: 0 };
const HOLD_MS = 60_000;

type Layout = keyof typeof OBJECTS;
type Contents<K extends Layout> = (typeof OBJECTS)[K]['$inferType'];
type Shared = 'registryId' | 'workersId' | 'stakingId' | 'schedulerId';

/** The contracts with an operator that leads, on a fork of the devnet where a call takes less than a millisecond. */
export class ForkedCluster {
  readonly fork: Fork;
  readonly operator: string;
  readonly #cluster: SeatedCluster;
  readonly #tables: { workers: string; accounts: string; owners: string };
  /** Capabilities of workers, by node id. */
  readonly #caps = new Map<string, string>();

  private constructor(cluster: SeatedCluster, tables: { workers: string; accounts: string; owners: string }) {
    this.#cluster = cluster;
    this.#tables = tables;
    this.fork = new Fork(cluster.devnet.chain);
    this.operator = cluster.controlPlane.operator.toSuiAddress();
  }

  static async start(): Promise<ForkedCluster> {
    const cluster = await SeatedCluster.start();
    const reader = new ContractReader(cluster.client, cluster.deployment);
    const [workers, staking, scheduler] = await Promise.all([
      reader.workers(),
      reader.staking(),
      reader.scheduler(),
    ]);
    return new ForkedCluster(cluster, {
      workers: workers.workers.id,
      accounts: staking.accounts.id,
      owners: scheduler.owners.rows.id,
    });
  }

  close(): Promise<void> {
    return this.#cluster.close();
  }

  /** Id of the registry, which is the cluster's. */
  get clusterId(): string {
    return this.#cluster.deployment.registryId;
  }

  /** Registers a worker and keeps its capability in mind. */
  register(
    sender: string,
    nodeId: string,
    sealToken: Uint8Array,
    identityKey: Uint8Array,
    stake: bigint,
  ): Execution {
    const values: ForkArgument[] = ['payment', text(nodeId), sealToken, bytes(identityKey)];
    const execution = this.own(sender, 'stake_and_register_worker', values, stake);
    const cap = createdOf(execution, '::worker_registry::WorkerCap');
    if (cap !== undefined) this.#caps.set(nodeId, cap);
    return execution;
  }

  /** The capability of a worker that was registered here. */
  cap(nodeId: string): ForkArgument {
    const cap = this.#caps.get(nodeId);
    if (cap === undefined) throw new TypeError(`Cannot call with the capability of ${nodeId}: there is none`);
    return { owned: cap };
  }

  /** Whether there is a capability for that node id. */
  hasCap(nodeId: string): boolean {
    const cap = this.#caps.get(nodeId);
    return cap !== undefined && this.fork.object(cap) !== undefined;
  }

  /** A call of the worker's owner, or of anybody about a worker. */
  own(sender: string, name: string, values: ForkArgument[], payment?: bigint): Execution {
    return this.#run(sender, `worker_registry::${name}`, [this.#shared('workersId'), ...values], payment);
  }

  /** A call of a user about the own stake. */
  use(sender: string, name: string, values: ForkArgument[], payment?: bigint): Execution {
    return this.#run(sender, `staking::${name}`, [this.#shared('stakingId'), ...values], payment);
  }

  /** A call that only the operator may make, about workers or requests. */
  operate(sender: string, object: 'workersId' | 'schedulerId', target: string, values: ForkArgument[]) {
    return this.#act(sender, target, [this.#shared(object), ACT, ...values]);
  }

  heartbeat(): Execution {
    return this.#act(this.operator, 'heartbeat::heartbeat', [
      this.#shared('registryId'),
      ACT,
      this.#shared('workersId', false),
      this.#shared('stakingId', false),
      this.#shared('schedulerId', false),
      bytes(new Uint8Array(32)),
      bcs.vector(bcs.Address).serialize([]).toBytes(),
    ]);
  }

  /** A call about requests of a user. */
  request(sender: string, name: string, values: ForkArgument[], payment?: bigint): Execution {
    const isSubmission = name.startsWith('submit');
    const objects = isSubmission
      ? [this.#shared('schedulerId'), this.#shared('workersId', false), this.#shared('stakingId', false)]
      : [this.#shared('schedulerId')];
    return this.#run(sender, `k8s_scheduler::${name}`, [...objects, ...values], payment);
  }

  /** Sets what an order costs, in MIST; at once, for this cluster's admin waits for nothing. */
  setFee(fee: bigint): Execution {
    const objects = [this.#shared('schedulerId'), this.#shared('registryId', false)];
    const cap: ForkArgument = { owned: this.#cluster.deployment.adminCapId };
    const admin = this.#cluster.admin.toSuiAddress();
    return this.#run(admin, 'k8s_scheduler::propose_fee', [...objects, cap, u64(fee)]);
  }

  /** Pays what orders cost so far to the host that leads. */
  collectFees(sender: string): Execution {
    const objects = [this.#shared('schedulerId'), this.#shared('registryId', false)];
    return this.#run(sender, 'k8s_scheduler::collect_fees', objects);
  }

  worker(nodeId: string): Contents<'Worker'> | undefined {
    const name = bcs.string().serialize(nodeId).toBytes();
    return this.#entry(this.#tables.workers, '0x1::string::String', name, 'Worker');
  }

  account(user: string): Contents<'Account'> | undefined {
    return this.#entry(this.#tables.accounts, 'address', bcs.Address.serialize(user).toBytes(), 'Account');
  }

  owner(user: string): Contents<'Owner'> | undefined {
    return this.#entry(this.#tables.owners, 'address', bcs.Address.serialize(user).toBytes(), 'Owner');
  }

  /** What was slashed, in MIST. */
  forfeited(): bigint {
    return BigInt(this.#contents('workersId', 'WorkerRegistry').forfeited);
  }

  /** What orders have paid and nobody has collected, in MIST. */
  collected(): bigint {
    return BigInt(this.#contents('schedulerId', 'Scheduler').fees.collected);
  }

  #contents<K extends Layout>(name: Shared, kind: K): Contents<K> {
    const { data } = this.fork.object(this.#cluster.deployment[name])!;
    if (data.kind !== 'move') throw new TypeError(`Cannot read ${kind}: it is a package`);
    return OBJECTS[kind].parse(data.contents) as Contents<K>;
  }

  #entry<K extends Layout>(table: string, type: string, name: Uint8Array, kind: K): Contents<K> | undefined {
    const field = this.fork.object(deriveDynamicFieldID(table, type, name));
    if (field?.data.kind !== 'move') return undefined;
    return OBJECTS[kind].parse(field.data.contents.subarray(UID_LENGTH + name.length)) as Contents<K>;
  }

  #shared(name: Shared, mutable = true): ForkArgument {
    return { shared: this.#cluster.deployment[name], mutable };
  }

  /** One call of the operator, with the act before it. */
  #act(sender: string, target: string, values: ForkArgument[]): Execution {
    const { enclaveId } = this.#cluster.operatorIds;
    const [term, notAfterMs] = [1n, BigInt(this.fork.timestampMs + HOLD_MS)];
    const objects = [this.#shared('registryId', false), { shared: enclaveId, mutable: false }];
    const act = this.#call('operator::act', [...objects, u64(term), u64(notAfterMs)]);
    return this.fork.run({ sender, calls: [act, this.#call(target, values)] });
  }

  #run(sender: string, target: string, values: ForkArgument[], payment = 0n): Execution {
    return this.fork.run({ sender, calls: [this.#call(target, values)], payment });
  }

  #call(target: string, values: ForkArgument[]): ForkCall {
    return { target: `${this.#cluster.deployment.packageId}::${target}`, arguments: [...values, CLOCK] };
  }
}

/** How an execution ended: `ok`, or `module::EName`. */
export function outcomeOf({ failure }: Execution): string {
  if (failure === undefined) return 'ok';
  const status = failure.status as { MoveAbort?: readonly [{ module: { name: string } }, bigint] };
  if (status.MoveAbort === undefined) return failure.message;
  const [{ module }, code] = status.MoveAbort;
  return `${module.name}::${ABORTS[module.name]?.[Number(code)] ?? code}`;
}

/** The id of the object of a type that an execution made. */
function createdOf({ transitions }: Execution, suffix: string): string | undefined {
  for (const [id, { before, after }] of transitions)
    if (before === undefined && after?.data.kind === 'move' && after.data.type.endsWith(suffix)) return id;
  return undefined;
}

export function text(value: string): Uint8Array {
  return bcs.string().serialize(value).toBytes();
}

export function u64(value: bigint): Uint8Array {
  return bcs.u64().serialize(value).toBytes();
}

export function u8(value: number): Uint8Array {
  return bcs.u8().serialize(value).toBytes();
}

export function bytes(value: Uint8Array): Uint8Array {
  return bcs.byteVector().serialize(value).toBytes();
}
