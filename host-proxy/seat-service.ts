import { takeSeat } from '@daasvader/chain/calls/host.ts';
import { z } from 'zod';
import type { ClusterDeployment } from './config.ts';
import { HostProxyError } from './error.ts';
import { HourlyLimit } from './hourly-limit.ts';
import { executeOwn, type HostAccount } from './own-transactions.ts';

const ADDRESS_BYTES = 32;
/** An enclave that boots takes the seat once. */
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
  readonly #host: HostAccount;
  readonly #cluster: ClusterDeployment;
  readonly #attempts = new HourlyLimit({
    name: 'taking the seat',
    max: ATTEMPTS_PER_HOUR,
    unit: 'transactions',
  });

  constructor(host: HostAccount, cluster: ClusterDeployment) {
    this.#host = host;
    this.#cluster = cluster;
  }

  /**
   * Calls `take_seat` for an enclave that registered with this cluster.
   *
   * @returns the digest of the transaction
   * @throws {HostProxyError} `refused` when the object is not such an enclave, `fails` when this host has no seat in
   * effect or the contracts refuse the enclave, `budget` or `chain`
   */
  async take({ enclaveId, operator }: z.infer<typeof seatRequestSchema>): Promise<string> {
    await this.#assertEnclave(enclaveId, operator);
    const { digest } = await executeOwn(this.#host, this.#attempts, (tx, cluster) => {
      takeSeat(tx, cluster, enclaveId);
    });
    return digest;
  }

  /** An `Enclave` begins with its id, the registry's id and its operator's address. */
  async #assertEnclave(enclaveId: string, operator: string | undefined): Promise<void> {
    const { originalPackageId, registryId } = this.#cluster;
    const { type, shared, content } = await this.#host.chain.object(enclaveId);
    const [id, registry, actual] = [0, 1, 2].map((i) => addressAt(content, i));
    const refuse = (why: string) => new HostProxyError('refused', `Cannot seat ${enclaveId}: ${why}`);
    if (type !== `${originalPackageId}::enclave_registry::Enclave` || !shared)
      throw refuse(`it is a ${type}`);
    if (id !== enclaveId || registry !== registryId) throw refuse(`it registered with ${registry}`);
    if (operator && operator !== actual) throw refuse(`its operator is ${actual}, expected ${operator}`);
  }
}

function addressAt(content: Uint8Array, index: number): string {
  const bytes = content.subarray(index * ADDRESS_BYTES, (index + 1) * ADDRESS_BYTES);
  return `0x${Buffer.from(bytes).toString('hex')}`;
}
