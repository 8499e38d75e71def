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

/** An argument of a call: a shared object, plain bytes, or the payment that the call splits from the gas coin. */
export type ForkArgument = { shared: Address; mutable: boolean } | Uint8Array | 'payment';

/** One call of one transaction. */
export interface ForkCall {
  sender: Address;
  /** `<package>::<module>::<function>` */
  target: string;
  arguments: ForkArgument[];
  /** MIST; what the argument `payment` stands for. */
  payment?: bigint;
}

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

  /** Executes a call and keeps what it did. @throws {DevnetError} when its inputs are refused */
  run(call: ForkCall): Execution {
    this.#setClock();
    const bytes = bcs.TransactionData.serialize({ V1: this.#transaction(call) }).toBytes();
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

  #transaction({ sender, target, payment = 0n, ...call }: ForkCall) {
    const [packageId = '', module = '', name = ''] = target.split('::');
    const inputs: (typeof bcs.CallArg.$inferInput)[] = [pure(bcs.u64().serialize(payment).toBytes())];
    const args = call.arguments.map((argument): typeof bcs.Argument.$inferInput => {
      if (argument === 'payment') return { NestedResult: [0, 0] };
      inputs.push(this.#input(argument));
      return { Input: inputs.length - 1 };
    });
    const commands = [
      ...(call.arguments.includes('payment')
        ? [{ SplitCoins: { coin: { GasCoin: true }, amounts: [{ Input: 0 }] } } as const]
        : []),
      {
        MoveCall: { package: packageId, module, function: name, typeArguments: [], arguments: args },
      } as const,
    ];
    return {
      kind: { ProgrammableTransaction: { inputs, commands } },
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

  #input(argument: Exclude<ForkArgument, 'payment'>): typeof bcs.CallArg.$inferInput {
    if (argument instanceof Uint8Array) return pure(argument);
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

function pure(bytes: Uint8Array): typeof bcs.CallArg.$inferInput {
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
