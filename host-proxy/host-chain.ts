import { openFullNode } from '@daasvader/chain/full-node.ts';
import { reasonOf } from '@daasvader/program/reason.ts';
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
  readonly type: string;
  readonly shared: boolean;
  readonly content: Uint8Array;
}

/** What the host proxy asks of the chain. */
export interface HostChain {
  /** In MIST per gas unit. */
  gasPrice(): Promise<bigint>;
  coins(owner: string): Promise<readonly Coin[]>;
  object(id: string): Promise<ChainObject>;
  /** Signs, executes and waits until the node serves the result. @returns the transaction's digest */
  execute(transaction: Transaction, signer: Ed25519Keypair): Promise<string>;
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
      return { type: object.type, shared: object.owner.$kind === 'Shared', content: object.content };
    });
  }

  execute(transaction: Transaction, signer: Ed25519Keypair): Promise<string> {
    return attempt('execute the host’s transaction', async () => {
      const bytes = await transaction.build({ client: this.#client });
      const { signature } = await signer.signTransaction(bytes);
      const result = await this.#client.executeTransaction({ transaction: bytes, signatures: [signature] });
      if (result.FailedTransaction)
        throw new Error(result.FailedTransaction.status.error?.message ?? 'it failed');
      await this.#client.waitForTransaction({ result });
      return result.Transaction.digest;
    });
  }
}

async function attempt<T>(what: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (cause) {
    throw new HostProxyError('chain', `Cannot ${what}: ${reasonOf(cause)}`, { cause });
  }
}
