import { recordExecution, type SignedTransaction } from '../chain/record.ts';
import type { TransactionRecord } from '../chain/store.ts';
import { type Execution, type ExecutionEnvironment, execute } from '../execution/execute.ts';
import { LinkedVm } from '../vm/linked-vm.ts';
import { createSession } from '../vm/session.ts';
import type { Address } from '../vm/types.ts';
import { type LoadedInputs, loadInputs, type ObjectSource } from './inputs.ts';
import type { NitroVerdicts } from './nitro.ts';
import type { ChainObject } from './object.ts';
import { packageCode } from './package-code.ts';

/** What a transaction did, and the same in Sui's encodings. */
export interface Simulation {
  execution: Execution;
  record: TransactionRecord;
}

/** What does not change from one transaction to the next. */
export interface ExecutorOptions {
  /** Where published packages are found. */
  object: (id: Address) => ChainObject | undefined;
  nitro: NitroVerdicts;
}

/** When a transaction runs, in milliseconds. */
export interface Moment {
  epoch: bigint;
  epochStartMs: number;
  timestampMs: number;
}

/** Runs transactions. It keeps nothing of what they do, only code that is on the chain: a package never changes. */
export class Executor {
  /** For signatures of functions. */
  readonly vm: LinkedVm;
  readonly #options: ExecutorOptions;

  constructor(options: ExecutorOptions) {
    this.#options = options;
    this.vm = new LinkedVm({ package: (id) => packageCode(options.object(id)) });
  }

  /** Runs a transaction on the objects of `source`. @throws {DevnetError} when its inputs are refused */
  run(transaction: SignedTransaction, source: ObjectSource, moment: Moment): Simulation {
    const { loaded, execution } = this.execute(transaction, source, moment);
    const { epoch, timestampMs } = moment;
    return { execution, record: recordExecution(transaction, loaded, execution, epoch, timestampMs) };
  }

  /** As {@link Executor.run}, but writes nothing down. */
  execute(
    { digest, data }: Pick<SignedTransaction, 'digest' | 'data'>,
    source: ObjectSource,
    { epoch, epochStartMs }: Moment,
  ): { loaded: LoadedInputs; execution: Execution } {
    const loaded = loadInputs(source, data);
    const environment: ExecutionEnvironment = {
      vm: this.vm,
      createSession,
      object: (id) => source.object(id),
      nitro: this.#options.nitro.verdict,
      epoch,
      epochTimestampMs: BigInt(epochStartMs),
    };
    return { loaded, execution: execute(environment, digest, data, loaded) };
  }
}
