import { digestOf } from '@daasvader/checkpoint/digest.ts';
import { bcs } from '@mysten/sui/bcs';
import type { Chain } from '../chain/chain.ts';
import { makePrologue } from '../chain/genesis.ts';
import type { Execution } from '../execution/execute.ts';
import { GAS } from '../protocol.ts';
import { Executor } from '../transaction/executor.ts';
import type { ObjectSource } from '../transaction/inputs.ts';
import { NitroVerdicts } from '../transaction/nitro.ts';
import { type ChainObject, CLOCK_ID, coinContents, encodeObject } from '../transaction/object.ts';
import { SUI_COIN_TYPE } from '../transaction/type-name.ts';
import type { Address } from '../vm/types.ts';

/** A shared object, or one of the sender's. */
export type ForkObject = { shared: Address; mutable: boolean } | { owned: Address };

/**
 * An argument of a call: an object, plain bytes, a vector of such, what an earlier call of the transaction gave, by its
 * place, or the payment that the transaction splits from the gas coin.
 */
export type ForkArgument =
  | ForkObject
  | { pieces: Uint8Array[] }
  | { result: number }
  | Uint8Array
  | 'payment';

/** One call of a transaction. */
export interface ForkCall {
  /** `<package>::<module>::<function>` */
  target: string;
  arguments: ForkArgument[];
}

/** Calls that happen all or not at all. */
export interface ForkTransaction {
  sender: Address;
  calls: ForkCall[];
  /** MIST; what the argument `payment` stands for. */
  payment?: bigint;
}

type Input = typeof bcs.CallArg.$inferInput;
type Argument = typeof bcs.Argument.$inferInput;
type Command = typeof bcs.Command.$inferInput;

const BUDGET = 1_000_000_000n;
/** MIST of every sender's only coin at first. */
const WEALTH = 1n << 62n;

/**
 * A chain's state from now on in memory, where transactions are executed without signatures, checkpoints and disk: for
 * tests that need very many. The chain itself is left as it is.
 */
export class Fork implements ObjectSource {
  timestampMs: number;
  readonly #chain: Chain;
  readonly #executor: Executor;
  readonly #objects = new Map<Address, ChainObject | undefined>();
  #clock = 0;

  constructor(chain: Chain) {
    this.#chain = chain;
    this.timestampMs = chain.timestampMs();
    const nitro = new NitroVerdicts(undefined);
    this.#executor = new Executor({ object: (id) => this.object(id), nitro });
  }

  object(id: Address): ChainObject | undefined {
    return this.#objects.has(id) ? this.#objects.get(id) : this.#chain.store.object(id);
  }

  lastVersion(id: Address): bigint | undefined {
    return this.object(id)?.version;
  }

  /** Executes a transaction and keeps what it did. @throws {DevnetError} when its inputs are refused */
  run(asked: ForkTransaction): Execution {
    this.#setClock();
    const bytes = bcs.TransactionData.serialize({ V1: this.#transaction(asked) }).toBytes();
    const { epoch } = this.#chain.committee;
    const moment = { epoch, epochStartMs: 0, timestampMs: this.timestampMs };
    const transaction = {
      digest: digestOf('TransactionData', bytes),
      data: bcs.TransactionData.parse(bytes).V1,
    };
    const { execution } = this.#executor.execute(transaction, this, moment);
    for (const [id, { after }] of execution.transitions) this.#objects.set(id, after);
    return execution;
  }

  #setClock(): void {
    if (this.#clock === this.timestampMs) return;
    this.#clock = this.timestampMs;
    const [clock] = makePrologue(this.object(CLOCK_ID)!, 0n, 0, this.timestampMs).objects;
    this.#objects.set(CLOCK_ID, clock!);
  }

  #transaction({ sender, calls, payment = 0n }: ForkTransaction) {
    return {
      kind: { ProgrammableTransaction: this.#commands(calls, payment) },
      sender,
      gasData: {
        payment: [this.#coinOf(sender)],
        owner: sender,
        price: GAS.referencePrice,
        budget: BUDGET,
      },
      expiration: { None: true as const },
    };
  }

  #commands(calls: ForkCall[], payment: bigint) {
    const inputs: Input[] = [pure(bcs.u64().serialize(payment).toBytes())];
    const split: Command = { SplitCoins: { coin: { GasCoin: true }, amounts: [{ Input: 0 }] } };
    const isPaid = calls.some((call) => call.arguments.includes('payment'));
    const commands: Command[] = isPaid ? [split] : [];
    const places: number[] = [];
    const objects = new Map<Address, number>();
    const add = (input: Input) => ({ Input: inputs.push(input) - 1 });
    /** An object is an input once, and may be changed if one of the calls may change it. */
    const addObject = (argument: ForkObject) => {
      const id = 'owned' in argument ? argument.owned : argument.shared;
      const place = objects.get(id) ?? inputs.push(this.#object(argument)) - 1;
      if ('mutable' in argument && argument.mutable) inputs[place] = this.#object(argument);
      objects.set(id, place);
      return { Input: place };
    };
    const given = (argument: ForkArgument): Argument => {
      if (argument === 'payment') return { NestedResult: [0, 0] };
      if (argument instanceof Uint8Array) return add(pure(argument));
      if ('result' in argument) return { Result: places[argument.result]! };
      if (!('pieces' in argument)) return addObject(argument);
      const elements = argument.pieces.map((piece) => add(pure(bcs.byteVector().serialize(piece).toBytes())));
      return { Result: commands.push({ MakeMoveVec: { type: 'vector<u8>', elements } }) - 1 };
    };
    for (const call of calls) {
      const [packageId = '', module = '', name = ''] = call.target.split('::');
      const MoveCall = {
        ...{ package: packageId, module, function: name, typeArguments: [] },
        arguments: call.arguments.map(given),
      };
      places.push(commands.push({ MoveCall }) - 1);
    }
    return { inputs, commands };
  }

  #object(argument: ForkObject): Input {
    if ('owned' in argument) {
      const object = this.object(argument.owned);
      if (object === undefined) throw new TypeError(`Cannot call with ${argument.owned}: it does not exist`);
      const { id: objectId, version } = object;
      return {
        Object: { ImmOrOwnedObject: { objectId, version, digest: encodeObject(object).digest } },
      };
    }
    const { owner } = this.object(argument.shared)!;
    if (owner.kind !== 'shared') throw new TypeError(`Cannot call with ${argument.shared}: it is not shared`);
    const SharedObject = {
      objectId: argument.shared,
      initialSharedVersion: owner.initialVersion,
      mutable: argument.mutable,
    };
    return { Object: { SharedObject } };
  }

  /** Each sender has one coin, at an id made from the address. */
  #coinOf(sender: Address) {
    const id: Address = `0x${sender.slice(2, 34)}${'c'.repeat(32)}`;
    const coin = this.object(id) ?? newCoin(id, sender);
    this.#objects.set(id, coin);
    return { objectId: id, version: coin.version, digest: encodeObject(coin).digest };
  }
}

function pure(bytes: Uint8Array): Input {
  return { Pure: { bytes } };
}

function newCoin(id: Address, address: Address): ChainObject {
  return {
    id,
    version: 1n,
    owner: { kind: 'address', address },
    data: {
      kind: 'move',
      type: SUI_COIN_TYPE,
      hasPublicTransfer: true,
      contents: coinContents(id, WEALTH),
    },
    previousTransaction: '11111111111111111111111111111111',
    storageRebate: 0n,
  };
}
