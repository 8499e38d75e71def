import { ABORTS } from '@daasvader/chain/aborts.ts';
import { OBJECTS } from '@daasvader/chain/layouts.ts';
import { ContractReader } from '@daasvader/chain/objects.ts';
import { bcs } from '@mysten/sui/bcs';
import { deriveDynamicFieldID } from '@mysten/sui/utils';
import type { Execution } from '../devnet/execution/execute.ts';
import { Fork, type ForkArgument } from '../devnet/testing/fork.ts';
import { SeatedCluster } from './seated-cluster.ts';

const CLOCK = `0x${'6'.padStart(64, '0')}`;
const UID_LENGTH = 32;

type Layout = keyof typeof OBJECTS;
type Contents<K extends Layout> = (typeof OBJECTS)[K]['$inferType'];

/** The contracts with an operator in the seat, on a fork of the devnet where a call takes less than a millisecond. */
export class ForkedCluster {
  readonly fork: Fork;
  readonly operator: string;
  readonly #cluster: SeatedCluster;
  readonly #enclaveId: string;
  readonly #tables: { workers: string; accounts: string };

  private constructor(
    cluster: SeatedCluster,
    enclaveId: string,
    tables: { workers: string; accounts: string },
  ) {
    this.#cluster = cluster;
    this.#enclaveId = enclaveId;
    this.#tables = tables;
    this.fork = new Fork(cluster.devnet.chain);
    this.operator = cluster.controlPlane.operator.toSuiAddress();
  }

  static async start(): Promise<ForkedCluster> {
    const cluster = await SeatedCluster.start();
    const reader = new ContractReader(cluster.client, cluster.deployment);
    const [{ seat }, workers, staking] = await Promise.all([
      reader.registry(),
      reader.workers(),
      reader.staking(),
    ]);
    const tables = { workers: workers.workers.id, accounts: staking.accounts.id };
    return new ForkedCluster(cluster, seat!, tables);
  }

  close(): Promise<void> {
    return this.#cluster.close();
  }

  /** A call of the worker's owner. */
  own(sender: string, name: string, values: ForkArgument[], payment?: bigint): Execution {
    return this.#run(sender, `worker_registry::${name}`, [this.#shared('workersId'), ...values], payment);
  }

  /** A call of a user about the own stake. */
  use(sender: string, name: string, values: ForkArgument[], payment?: bigint): Execution {
    return this.#run(sender, `staking::${name}`, [this.#shared('stakingId'), ...values], payment);
  }

  /** A call that only the operator may make, about workers or requests. */
  operate(
    sender: string,
    object: 'workersId' | 'schedulerId',
    target: string,
    values: ForkArgument[],
  ): Execution {
    const objects = [this.#shared(object), this.#shared('registryId', false), this.#enclave()];
    return this.#run(sender, target, [...objects, ...values]);
  }

  reassign(requestId: bigint): Execution {
    const objects = [this.#shared('schedulerId'), this.#shared('workersId', false)];
    return this.#run(this.operator, 'k8s_scheduler::reassign_request', [
      ...objects,
      this.#shared('registryId', false),
      this.#enclave(),
      u64(requestId),
    ]);
  }

  heartbeat(): Execution {
    return this.#run(this.operator, 'heartbeat::heartbeat', [
      this.#shared('registryId'),
      this.#enclave(),
      this.#shared('workersId', false),
      this.#shared('stakingId', false),
      this.#shared('schedulerId', false),
      bytes(new Uint8Array(32)),
    ]);
  }

  /** A call about requests of a user. */
  request(sender: string, name: string, values: ForkArgument[]): Execution {
    const isSubmission = name.startsWith('submit');
    const objects = isSubmission
      ? [this.#shared('schedulerId'), this.#shared('workersId', false), this.#shared('stakingId', false)]
      : [this.#shared('schedulerId')];
    return this.#run(sender, `k8s_scheduler::${name}`, [...objects, ...values]);
  }

  worker(nodeId: string): Contents<'Worker'> | undefined {
    const name = bcs.string().serialize(nodeId).toBytes();
    return this.#entry(this.#tables.workers, '0x1::string::String', name, 'Worker');
  }

  account(user: string): Contents<'Stake'> | undefined {
    return this.#entry(this.#tables.accounts, 'address', bcs.Address.serialize(user).toBytes(), 'Stake');
  }

  forfeited(): bigint {
    const { data } = this.fork.object(this.#cluster.deployment.workersId)!;
    if (data.kind !== 'move') throw new TypeError('Cannot read WorkerRegistry: it is a package');
    return BigInt(OBJECTS.WorkerRegistry.parse(data.contents).forfeited);
  }

  #entry<K extends Layout>(table: string, type: string, name: Uint8Array, kind: K): Contents<K> | undefined {
    const field = this.fork.object(deriveDynamicFieldID(table, type, name));
    if (field?.data.kind !== 'move') return undefined;
    return OBJECTS[kind].parse(field.data.contents.subarray(UID_LENGTH + name.length)) as Contents<K>;
  }

  #shared(name: 'registryId' | 'workersId' | 'stakingId' | 'schedulerId', mutable = true): ForkArgument {
    return { shared: this.#cluster.deployment[name], mutable };
  }

  #enclave(): ForkArgument {
    return { shared: this.#enclaveId, mutable: false };
  }

  #run(sender: string, target: string, values: ForkArgument[], payment = 0n): Execution {
    return this.fork.run({
      sender,
      target: `${this.#cluster.deployment.packageId}::${target}`,
      arguments: [...values, { shared: CLOCK, mutable: false }],
      payment,
    });
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
