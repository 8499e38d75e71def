import { digestOf } from '@daasvader/checkpoint/digest.ts';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import type { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Transaction } from '@mysten/sui/transactions';
import { EnclaveError } from '../error.ts';
import { ChainRefusal } from './chain-refusal.ts';
import type { HostServices } from './host-services.ts';
import { checkSponsored } from './sponsored.ts';

/** What became of a transaction that succeeded. */
export interface Executed {
  readonly digest: string;
  /** Object ids that the transaction changed or made, with their types. */
  readonly objectTypes: Readonly<Record<string, string>>;
}

/** The operator's account: the enclave signs, the host pays. */
export class Operator {
  readonly #client: SuiGrpcClient;
  readonly #services: HostServices;
  readonly #key: Ed25519Keypair;

  constructor(client: SuiGrpcClient, services: HostServices, key: Ed25519Keypair) {
    this.#client = client;
    this.#services = services;
    this.#key = key;
  }

  /** The operator's Sui address. */
  get address(): string {
    return this.#key.toSuiAddress();
  }

  /**
   * Builds, has paid, checks, signs and executes a transaction, and waits until the full node shows its effects.
   *
   * @param onSigned called with the transaction's digest (base58) before anybody else has the signature
   * @throws {ChainRefusal} when it aborted, or would
   * @throws {EnclaveError} `host` or `sponsor`
   */
  async execute(
    build: (transaction: Transaction) => void,
    onSigned?: (digest: string) => void,
  ): Promise<Executed> {
    const transaction = new Transaction();
    transaction.setSender(this.address);
    build(transaction);
    const kind = await transaction.build({ client: this.#client, onlyTransactionKind: true });
    const { bytes, signature } = await this.#services.sponsor(kind, this.address);
    checkSponsored(bytes, kind, this.address);
    const own = await this.#key.signTransaction(bytes);
    onSigned?.(digestOf('TransactionData', bytes));
    const result = await this.#client.executeTransaction({
      transaction: bytes,
      signatures: [own.signature, signature],
      include: { effects: true, objectTypes: true },
    });
    if (result.$kind === 'FailedTransaction') {
      const { digest, status } = result.FailedTransaction;
      const { message = 'no reason', command } = status.error ?? {};
      throw new ChainRefusal(`The chain refused ${digest}: ${message}`, command, digest);
    }
    const { digest, objectTypes } = result.Transaction;
    await this.#client.waitForTransaction({ digest });
    return { digest, objectTypes };
  }
}

/**
 * The id of the one object of a type that a transaction made.
 *
 * @throws {EnclaveError} `registration` when there is none
 */
export function createdObject({ digest, objectTypes }: Executed, suffix: string): string {
  const found = Object.entries(objectTypes).find(([, type]) => type.endsWith(suffix));
  if (!found) throw new EnclaveError('registration', `Cannot register: ${digest} made no ${suffix}`);
  return found[0];
}
