import { takeSeat } from '@daasvader/chain/calls/host.ts';
import type { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Transaction } from '@mysten/sui/transactions';
import { z } from 'zod';
import type { ClusterDeployment } from './config.ts';
import { HostProxyError } from './error.ts';
import { type GasCoins, payWith } from './gas-coins.ts';
import type { HostChain } from './host-chain.ts';
import { HourlyLimit } from './hourly-limit.ts';

const ADDRESS_BYTES = 32;
/** Each costs gas even when the contract refuses; an enclave that boots takes the seat once. */
const ATTEMPTS_PER_HOUR = 60n;

/** Body of `POST /seat`. With `operator`, the enclave's operator must be that address. */
export const seatRequestSchema = z.strictObject({
  enclaveId: z.string().regex(/^0x[0-9a-f]{64}$/),
  operator: z
    .string()
    .regex(/^0x[0-9a-f]{64}$/)
    .optional(),
});

/** Seats this host's enclave: the host account is the one that the admin appointed for it. */
export class SeatService {
  readonly #chain: HostChain;
  readonly #coins: GasCoins;
  readonly #account: Ed25519Keypair;
  readonly #cluster: ClusterDeployment;
  readonly #gasBudget: bigint;
  readonly #attempts = new HourlyLimit(ATTEMPTS_PER_HOUR, 'attempts to take the seat');

  constructor(
    chain: HostChain,
    coins: GasCoins,
    account: Ed25519Keypair,
    cluster: ClusterDeployment,
    gasBudget: bigint,
  ) {
    this.#chain = chain;
    this.#coins = coins;
    this.#account = account;
    this.#cluster = cluster;
    this.#gasBudget = gasBudget;
  }

  /**
   * Calls `take_seat` for an enclave that registered with this cluster.
   *
   * @returns the digest of the transaction
   * @throws {HostProxyError} `refused` when the object is not such an enclave, `budget` or `chain`
   */
  async take({ enclaveId, operator }: z.infer<typeof seatRequestSchema>): Promise<string> {
    await this.#assertEnclave(enclaveId, operator);
    const owner = this.#account.toSuiAddress();
    const price = await this.#chain.gasPrice();
    this.#attempts.take(1n);
    const coin = await this.#coins.lease(this.#gasBudget);
    const transaction = new Transaction();
    payWith(transaction, coin, { owner, budget: this.#gasBudget, price });
    takeSeat(transaction, this.#cluster, enclaveId);
    return this.#chain.execute(transaction, this.#account);
  }

  /** An `Enclave` begins with its id, the registry's id and its operator's address. */
  async #assertEnclave(enclaveId: string, operator: string | undefined): Promise<void> {
    const { packageId, registryId } = this.#cluster;
    const { type, shared, content } = await this.#chain.object(enclaveId);
    const [id, registry, actual] = [0, 1, 2].map((i) => addressAt(content, i));
    const refuse = (why: string) => new HostProxyError('refused', `Cannot seat ${enclaveId}: ${why}`);
    if (type !== `${packageId}::enclave_registry::Enclave` || !shared) throw refuse(`it is a ${type}`);
    if (id !== enclaveId || registry !== registryId) throw refuse(`it registered with ${registry}`);
    if (operator && operator !== actual) throw refuse(`its operator is ${actual}, expected ${operator}`);
  }
}

function addressAt(content: Uint8Array, index: number): string {
  const bytes = content.subarray(index * ADDRESS_BYTES, (index + 1) * ADDRESS_BYTES);
  return `0x${Buffer.from(bytes).toString('hex')}`;
}
