import { abortName } from '@daasvader/chain/aborts.ts';
import { openFullNode } from '@daasvader/chain/full-node.ts';
import { reasonOf } from '@daasvader/program/reason.ts';
import { SimulationError, TransactionError } from '@mysten/sui/client';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import type { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import type { Transaction } from '@mysten/sui/transactions';
import { HostProxyError } from './error.ts';

/** A SUI coin of the host account; `balance` in MIST. */
export interface Coin {
  readonly objectId: string;
  readonly version: string;
  readonly digest: string;
  readonly balance: string;
}

/** An object as the chain has it: full type, whether it is shared, and its BCS content. */
export interface ChainObject {
  readonly version: bigint;
  readonly type: string;
  readonly shared: boolean;
  readonly content: Uint8Array;
}

/** What a transaction takes, in MIST; storage less the rebate, so that it may be negative. */
export interface GasUse {
  readonly computation: bigint;
  readonly storage: bigint;
}

/** What became of a transaction. */
export interface Outcome {
  readonly gas: GasUse;
  /** Cancelled because objects that it needs were congested; its gas is taken all the same. */
  readonly isCancelled: boolean;
}

/** A transaction that succeeded, and the events as it emitted them. */
export interface Executed {
  readonly digest: string;
  readonly events: readonly { type: string; bytes: Uint8Array }[];
}

/** What the host proxy asks of the chain. */
export interface HostChain {
  /** In MIST per gas unit. */
  gasPrice(): Promise<bigint>;
  coins(owner: string): Promise<readonly Coin[]>;
  object(id: string): Promise<ChainObject>;
  /**
   * What BCS of a TransactionData would take if it were executed now.
   *
   * @throws {HostProxyError} `fails` when it would not succeed, `chain`
   */
  simulate(transaction: Uint8Array): Promise<GasUse>;
  /** @returns what became of the transaction of this digest; nothing when it was not executed, or not yet */
  outcome(digest: string): Promise<Outcome | undefined>;
  /**
   * Signs, executes and waits until the node serves the result.
   *
   * @throws {HostProxyError} `fails` when it would not succeed, and then it was not signed; `chain`
   */
  execute(transaction: Transaction, signer: Ed25519Keypair): Promise<Executed>;
}

/** The chain behind a full node's gRPC endpoint. Every failure is a {@link HostProxyError} with code `chain`. */
export class SuiHostChain implements HostChain {
  readonly #client: SuiGrpcClient;

  constructor(network: string, baseUrl: string) {
    this.#client = openFullNode(network, baseUrl);
  }

  gasPrice(): Promise<bigint> {
    return attempt('ask for the gas price', async () => {
      return BigInt((await this.#client.getReferenceGasPrice()).referenceGasPrice);
    });
  }

  coins(owner: string): Promise<readonly Coin[]> {
    return attempt(
      'list the host account’s coins',
      async () => (await this.#client.listCoins({ owner })).objects,
    );
  }

  object(id: string): Promise<ChainObject> {
    return attempt(`read object ${id}`, async () => {
      const { object } = await this.#client.getObject({ objectId: id, include: { content: true } });
      const version = BigInt(object.version);
      return { version, type: object.type, shared: object.owner.$kind === 'Shared', content: object.content };
    });
  }

  async simulate(transaction: Uint8Array): Promise<GasUse> {
    const result = await attempt('simulate a transaction', () =>
      this.#client.simulateTransaction({ transaction, include: { effects: true } }),
    );
    if (result.FailedTransaction) {
      throw wouldFail(result.FailedTransaction.status.error);
    }
    return gasUse(result.Transaction.effects.gasUsed);
  }

  outcome(digest: string): Promise<Outcome | undefined> {
    return attempt(`ask for transaction ${digest}`, async () => {
      const result = await this.#client
        .getTransaction({ digest, include: { effects: true } })
        .catch(absentWhenNotFound);
      if (result === undefined) return undefined;
      const { status, effects } = result.Transaction ?? result.FailedTransaction;
      return { gas: gasUse(effects.gasUsed), isCancelled: status.error?.$kind === 'CongestedObjects' };
    });
  }

  async execute(transaction: Transaction, signer: Ed25519Keypair): Promise<Executed> {
    const bytes = await attempt('build the host’s transaction', () =>
      transaction.build({ client: this.#client }).catch(failWhenSimulated),
    );
    await this.simulate(bytes);
    return attempt('execute the host’s transaction', async () => {
      const { signature } = await signer.signTransaction(bytes);
      const include = { events: true } as const;
      const result = await this.#client.executeTransaction({
        transaction: bytes,
        signatures: [signature],
        include,
      });
      if (result.FailedTransaction) throw new Error(failureOf(result.FailedTransaction.status.error));
      await this.#client.waitForTransaction({ digest: result.Transaction.digest });
      const { digest, events } = result.Transaction;
      return { digest, events: events.map(({ eventType, bcs }) => ({ type: eventType, bytes: bcs })) };
    });
  }
}

/** What of an execution error is told. */
interface Failure {
  readonly message?: string;
  readonly command?: number | undefined;
  readonly MoveAbort?: { abortCode: string; location?: { module?: string } };
}

function wouldFail(error: Failure | null): HostProxyError {
  const { command } = error ?? {};
  return new HostProxyError('fails', `Cannot pay: the transaction would fail: ${failureOf(error)}`, {
    command,
  });
}

/** The full node simulates already what it helps to build. */
function failWhenSimulated(error: unknown): never {
  if (error instanceof SimulationError && error.executionError) throw wouldFail(error.executionError);
  throw error;
}

function failureOf(error: Failure | null): string {
  const { abortCode, location } = error?.MoveAbort ?? {};
  const module = location?.module;
  if (abortCode === undefined || module === undefined) return error?.message ?? 'no reason was given';
  return `${module} aborts with ${abortName(module, Number(abortCode))} (${abortCode})`;
}

function gasUse(used: { computationCost: string; storageCost: string; storageRebate: string }): GasUse {
  const storage = BigInt(used.storageCost) - BigInt(used.storageRebate);
  return { computation: BigInt(used.computationCost), storage };
}

function absentWhenNotFound(error: unknown): undefined {
  if (error instanceof TransactionError && error.reason === 'notFound') return undefined;
  throw error;
}

async function attempt<T>(what: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (cause) {
    if (cause instanceof HostProxyError) throw cause;
    throw new HostProxyError('chain', `Cannot ${what}: ${reasonOf(cause)}`, { cause });
  }
}
