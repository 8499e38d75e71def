import type { ObjectTransition } from '../effects.ts';
import { computationCost, type GasCost, NO_GAS, netCost, rebate, storageCost } from '../gas.ts';
import { balanceOf, type LoadedInputs, type TransactionData } from '../inputs.ts';
import { type ChainObject, type ChainOwner, coinBalance, coinContents, type MoveData } from '../object.ts';
import type { Address, ObjectWrite, Session, SessionOutputs, TypedBytes } from '../vm/types.ts';
import type { ExecutionEnvironment } from './execute.ts';
import { failure } from './failure.ts';
import { typeOrigins } from './type-origins.ts';
import type { Values } from './values.ts';

/** Turns what commands did into object versions, and makes the gas coin pay for it. */
export class Settlement {
  /** Every object this transaction writes gets this version. */
  readonly lamportVersion: bigint;
  gas: GasCost = NO_GAS;
  events: TypedBytes[] = [];
  readonly #environment: ExecutionEnvironment;
  readonly #digest: string;
  readonly #data: TransactionData;
  readonly #loaded: LoadedInputs;
  /** Objects read while running: children and received objects. */
  readonly #read = new Map<Address, ChainObject>();
  readonly #packages = new Map<Address, ChainObject>();

  constructor(
    environment: ExecutionEnvironment,
    digest: string,
    data: TransactionData,
    loaded: LoadedInputs,
  ) {
    this.#environment = environment;
    this.#digest = digest;
    this.#data = data;
    this.#loaded = loaded;
    this.lamportVersion =
      [...loaded.all.values()].reduce((max, { version }) => (version > max ? version : max), 0n) + 1n;
  }

  /** Transactions whose writes this one depends on, base58. */
  get dependencies(): Set<string> {
    const read = [...this.#loaded.all.values(), ...this.#read.values()];
    return new Set(read.map((object) => object.previousTransaction));
  }

  child(parent: Address, id: Address): TypedBytes | undefined {
    const object = this.#environment.object(id);
    if (object?.owner.kind !== 'object' || object.owner.parent !== parent) return undefined;
    return this.#reading(object);
  }

  receivable(parent: Address, id: Address, version: bigint): TypedBytes | undefined {
    const object = this.#environment.object(id);
    if (object?.version !== version || object.owner.kind !== 'address' || object.owner.address !== parent)
      return undefined;
    return this.#reading(object);
  }

  package(id: Address): ChainObject | undefined {
    const object = this.#packages.get(id) ?? this.#environment.object(id);
    return object?.data.kind === 'package' ? object : undefined;
  }

  publish(id: Address, modules: Map<string, Uint8Array>, dependencies: Address[]): void {
    const sorted = new Map([...modules].sort(([a], [b]) => (a < b ? -1 : 1)));
    const linkage = new Map(
      [...dependencies].sort().map((dependency) => {
        const { version } = this.package(dependency)!;
        return [dependency, { upgradedId: dependency, upgradedVersion: version.toString() }];
      }),
    );
    this.#packages.set(id, {
      id,
      version: 1n,
      owner: { kind: 'immutable' },
      data: { kind: 'package', modules: sorted, typeOrigins: typeOrigins(id, sorted), linkage },
      previousTransaction: this.#digest,
      storageRebate: 0n,
    });
  }

  /** Object changes of a transaction that ran to its end. @throws {ExecutionFailure} */
  succeed(session: Session, values: Values): Map<Address, ObjectTransition> {
    const outputs = session.finish();
    this.events = outputs.events;
    const after = new Map<Address, ChainObject>(this.#packages);
    for (const write of outputs.writes) after.set(write.id, this.#written(write, outputs));
    this.#keepInputs(values, after);
    const transitions = this.#transitions(after, outputs);
    this.#checkShared(transitions);
    this.#payGas(transitions, session.gasUsed);
    if (netCost(this.gas) > BigInt(this.#data.gasData.budget))
      throw failure('InsufficientGas', 'Storage costs more than the gas budget');
    return transitions;
  }

  /** Object changes of a transaction that failed: inputs get a new version, and gas is paid. */
  fail(gasUnits: number): Map<Address, ObjectTransition> {
    this.events = [];
    this.#packages.clear();
    this.#read.clear();
    const transitions = new Map<Address, ObjectTransition>();
    for (const before of this.#loaded.mutable.values()) {
      transitions.set(before.id, { before, after: this.#successor(before, {}), idOperation: 'None' });
    }
    this.#smash(transitions);
    this.#payGas(transitions, gasUnits, true);
    return transitions;
  }

  #reading(object: ChainObject): TypedBytes {
    this.#read.set(object.id, object);
    const { type, contents } = object.data as MoveData;
    return { type, bcs: contents };
  }

  #before(id: Address): ChainObject | undefined {
    return this.#loaded.mutable.get(id) ?? this.#loaded.all.get(id) ?? this.#read.get(id);
  }

  #written({ id, type, bcs: contents, owner }: ObjectWrite, outputs: SessionOutputs): ChainObject {
    const before = outputs.created.has(id) ? undefined : this.#before(id);
    const chainOwner: ChainOwner = owner.kind === 'shared' ? this.#shared(before) : owner;
    return {
      id,
      version: this.lamportVersion,
      owner: chainOwner,
      data: { kind: 'move', type, contents, hasPublicTransfer: this.#environment.vm.abilities(type).store },
      previousTransaction: this.#digest,
      storageRebate: 0n,
    };
  }

  #shared(before: ChainObject | undefined): ChainOwner {
    if (before?.owner.kind === 'shared') return before.owner;
    return { kind: 'shared', initialVersion: this.lamportVersion };
  }

  #successor(before: ChainObject, { contents }: { contents?: Uint8Array }): ChainObject {
    const data = before.data as MoveData;
    return {
      ...before,
      version: this.lamportVersion,
      data: contents === undefined ? data : { ...data, contents },
      previousTransaction: this.#digest,
      storageRebate: 0n,
    };
  }

  /** Inputs that were not moved away keep their owner and get a new version, changed or not. */
  #keepInputs(values: Values, after: Map<Address, ChainObject>): void {
    const budget = BigInt(this.#data.gasData.budget);
    for (const slot of [...values.inputs, values.gas]) {
      if (slot.input === undefined || !slot.input.mutable || slot.bcs === undefined) continue;
      after.set(slot.input.id, this.#successor(this.#before(slot.input.id)!, { contents: slot.bcs }));
    }
    const { id } = this.#loaded.gasCoins[0]!;
    const coin = after.get(id)!;
    const data = coin.data as MoveData;
    after.set(id, {
      ...coin,
      data: { ...data, contents: coinContents(id, coinBalance(data.contents) + budget) },
    });
  }

  #transitions(after: Map<Address, ChainObject>, outputs: SessionOutputs): Map<Address, ObjectTransition> {
    const transitions = new Map<Address, ObjectTransition>();
    for (const [id, object] of after) {
      const isNew = outputs.created.has(id) || this.#packages.has(id);
      transitions.set(id, {
        before: isNew ? undefined : this.#before(id),
        after: object,
        idOperation: isNew ? 'Created' : 'None',
      });
    }
    for (const id of outputs.deleted) {
      transitions.set(id, { before: this.#before(id), after: undefined, idOperation: 'Deleted' });
    }
    const wrapped = [...this.#loaded.mutable.keys(), ...outputs.removedChildren, ...outputs.received];
    for (const id of wrapped) {
      if (!transitions.has(id))
        transitions.set(id, { before: this.#before(id), after: undefined, idOperation: 'None' });
    }
    for (const coin of this.#loaded.gasCoins.slice(1)) {
      transitions.set(coin.id, { before: coin, after: undefined, idOperation: 'Deleted' });
    }
    return transitions;
  }

  /** A shared object taken by value must be shared again or deleted. */
  #checkShared(transitions: Map<Address, ObjectTransition>): void {
    for (const { before, after, idOperation } of transitions.values()) {
      if (before?.owner.kind !== 'shared' || idOperation === 'Deleted') continue;
      if (after?.owner.kind !== 'shared')
        throw failure(
          'SharedObjectOperationNotAllowed',
          `Shared object ${before.id} was neither shared again nor deleted`,
        );
    }
  }

  #smash(transitions: Map<Address, ObjectTransition>): void {
    const [first, ...others] = this.#loaded.gasCoins as [ChainObject, ...ChainObject[]];
    const balance = this.#loaded.gasCoins.reduce((sum, coin) => sum + balanceOf(coin), 0n);
    const contents = coinContents(first.id, balance);
    transitions.set(first.id, {
      before: first,
      after: this.#successor(first, { contents }),
      idOperation: 'None',
    });
    for (const coin of others)
      transitions.set(coin.id, { before: coin, after: undefined, idOperation: 'Deleted' });
  }

  /** Sets storage rebates, sums up costs and takes them from the gas coin. */
  #payGas(transitions: Map<Address, ObjectTransition>, units: number, capped = false): void {
    let [stored, paid] = [0n, 0n];
    for (const transition of transitions.values()) {
      paid += transition.before?.storageRebate ?? 0n;
      if (transition.after === undefined) continue;
      const storageRebate = storageCost(transition.after);
      transition.after = { ...transition.after, storageRebate };
      stored += storageRebate;
    }
    const computation = computationCost(units, BigInt(this.#data.gasData.price));
    this.gas = { computationCost: computation, storageCost: stored, ...rebate(paid) };
    const excess = netCost(this.gas) - BigInt(this.#data.gasData.budget);
    if (capped && excess > 0n) this.gas = { ...this.gas, computationCost: computation - excess };
    this.#charge(transitions, netCost(this.gas));
  }

  #charge(transitions: Map<Address, ObjectTransition>, amount: bigint): void {
    const transition = transitions.get(this.#loaded.gasCoins[0]!.id)!;
    const coin = transition.after!;
    const data = coin.data as MoveData;
    const left = coinBalance(data.contents) - amount;
    if (left < 0n) throw failure('InsufficientGas');
    transition.after = { ...coin, data: { ...data, contents: coinContents(coin.id, left) } };
  }
}
