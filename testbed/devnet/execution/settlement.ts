import { EXECUTION_LIMITS } from '../protocol.ts';
import type { ObjectTransition } from '../transaction/effects.ts';
import {
  computationCost,
  type GasCost,
  NO_GAS,
  netCost,
  packageSize,
  rebate,
  storageCost,
} from '../transaction/gas.ts';
import { balanceOf, type LoadedInputs, type TransactionData } from '../transaction/inputs.ts';
import {
  type ChainObject,
  type ChainOwner,
  coinBalance,
  coinContents,
  type MoveData,
  type PackageData,
} from '../transaction/object.ts';
import { coinTypeOf, SUI_COIN_TYPE } from '../transaction/type-name.ts';
import type { Address, EmittedEvent, ObjectWrite, Session, SessionOutputs, TypedBytes } from '../vm/types.ts';
import type { ExecutionEnvironment } from './execute.ts';
import { ExecutionFailure, failure, tooBig } from './failure.ts';
import { chargeCoinOwners } from './metering.ts';
import type { Values } from './values.ts';

/** Turns what commands did into object versions, and makes the gas coin pay for it. */
export class Settlement {
  /** Every object this transaction writes gets this version. */
  readonly lamportVersion: bigint;
  gas: GasCost = NO_GAS;
  events: EmittedEvent[] = [];
  readonly #environment: ExecutionEnvironment;
  readonly #digest: string;
  readonly #data: TransactionData;
  readonly #loaded: LoadedInputs;
  /** Objects read while running: children and received objects. */
  readonly #read = new Map<Address, ChainObject>();
  readonly #received = new Set<ChainObject>();
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

  /** Transactions that wrote its inputs, the packages it names and what it received, even if it failed; base58. */
  get dependencies(): Set<string> {
    const { all, receiving, packages } = this.#loaded;
    const inputs = [...all.values()].filter(({ id }) => !receiving.has(id));
    const read = [...inputs, ...packages, ...this.#received];
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
    this.#received.add(object);
    return this.#reading(object);
  }

  package(id: Address): ChainObject | undefined {
    const object = this.#packages.get(id) ?? this.#environment.object(id);
    return object?.data.kind === 'package' ? object : undefined;
  }

  addPackage(id: Address, version: bigint, data: PackageData): void {
    const size = packageSize(data);
    const { packageBytes } = EXECUTION_LIMITS;
    if (size > packageBytes) throw tooBig('MovePackageTooBig', size, packageBytes);
    this.#packages.set(id, {
      id,
      version,
      owner: { kind: 'immutable' },
      data,
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
    checkSizes(transitions);
    chargeCoinOwners(session.meter, coinOwners(after.values()));
    const computation = this.#computation(session.meter.units, false);
    const gas = { computationCost: computation, ...this.#store(transitions) };
    if (computation === this.#budget || netCost(gas) > this.#budget)
      throw failure('InsufficientGas', 'Computation and storage cost more than the gas budget');
    this.#charge(transitions, gas);
    return transitions;
  }

  /**
   * Object changes of a transaction that failed: inputs get a new version, and computation and their storage are paid.
   * When the budget is not enough for that, it goes as a whole, and what inputs had paid for storage stays.
   */
  fail(gasUnits: number, isAborted: boolean): Map<Address, ObjectTransition> {
    this.events = [];
    this.#packages.clear();
    this.#read.clear();
    const transitions = new Map<Address, ObjectTransition>();
    for (const before of this.#loaded.mutable.values()) {
      transitions.set(before.id, { before, after: this.#successor(before, {}), idOperation: 'None' });
    }
    this.#smash(transitions);
    let gas = { computationCost: this.#computation(gasUnits, isAborted), ...this.#store(transitions) };
    const net = gas.storageCost - gas.storageRebate;
    if (net > 0n && gas.computationCost + net > this.#budget)
      gas = { computationCost: this.#budget, ...this.#keepStorage(transitions) };
    this.#charge(transitions, gas);
    return transitions;
  }

  get #budget(): bigint {
    return BigInt(this.#data.gasData.budget);
  }

  /** MIST for computation, all of the budget if it is not more than that. */
  #computation(units: number, isAborted: boolean): bigint {
    const cost = computationCost(units, BigInt(this.#data.gasData.price), isAborted);
    if (cost >= this.#budget) return this.#budget;
    return cost;
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
    const budget = this.#budget;
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

  /** Sets what each object written pays for its storage, and sums up. */
  #store(transitions: Map<Address, ObjectTransition>): Omit<GasCost, 'computationCost'> {
    let [stored, paid] = [0n, 0n];
    for (const transition of transitions.values()) {
      paid += transition.before?.storageRebate ?? 0n;
      if (transition.after === undefined) continue;
      const storageRebate = storageCost(transition.after);
      transition.after = { ...transition.after, storageRebate };
      stored += storageRebate;
    }
    return { storageCost: stored, ...rebate(paid) };
  }

  /** Leaves what objects had paid for storage as it was; only gas coins that are gone give theirs back. */
  #keepStorage(transitions: Map<Address, ObjectTransition>): Omit<GasCost, 'computationCost'> {
    let paid = 0n;
    for (const transition of transitions.values()) {
      const { storageRebate } = transition.before!;
      if (transition.after === undefined) paid += storageRebate;
      else transition.after = { ...transition.after, storageRebate };
    }
    return { storageCost: 0n, ...rebate(paid) };
  }

  #charge(transitions: Map<Address, ObjectTransition>, gas: GasCost): void {
    this.gas = gas;
    const transition = transitions.get(this.#loaded.gasCoins[0]!.id)!;
    const coin = transition.after!;
    const data = coin.data as MoveData;
    const left = coinBalance(data.contents) - netCost(gas);
    transition.after = { ...coin, data: { ...data, contents: coinContents(coin.id, left) } };
  }
}

/** @returns how many addresses and objects own coins other than SUI, counted once for each type of coin */
function coinOwners(objects: Iterable<ChainObject>): number {
  const owners = new Set<string>();
  for (const { owner, data } of objects) {
    if (data.kind !== 'move' || data.type === SUI_COIN_TYPE || coinTypeOf(data.type) === undefined) continue;
    if (owner.kind === 'address') owners.add(`${data.type} ${owner.address}`);
    if (owner.kind === 'object') owners.add(`${data.type} ${owner.parent}`);
  }
  return owners.size;
}

/** @throws {ExecutionFailure} when an object, or all that is written, is larger than Sui stores */
function checkSizes(transitions: Map<Address, ObjectTransition>): void {
  const { objectBytes, writtenBytes } = EXECUTION_LIMITS;
  let written = 0;
  for (const { after } of transitions.values()) {
    if (after?.data.kind !== 'move') continue;
    const size = after.data.contents.length;
    if (size > objectBytes) throw tooBig('MoveObjectTooBig', size, objectBytes);
    written += size;
  }
  if (written > writtenBytes) {
    const status = { WrittenObjectsTooLarge: { currentSize: written, maxSize: writtenBytes } };
    throw new ExecutionFailure(
      status,
      `Objects of ${written} bytes are written, at most ${writtenBytes} may be`,
    );
  }
}
