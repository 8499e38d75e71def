import { collectFees } from '@daasvader/chain/calls/host.ts';
import { decodeEvent } from '@daasvader/chain/events.ts';
import { HostProxyError } from './error.ts';
import { HourlyLimit } from './hourly-limit.ts';
import { executeOwn, type HostAccount } from './own-transactions.ts';

/** Each costs gas, and there is little to collect again soon. */
const COLLECTIONS_PER_HOUR = 12n;

/** Fees of orders that were paid out: to which host, and how many MIST. */
export interface Collected {
  readonly digest: string;
  readonly host: string;
  readonly mist: string;
}

/** Has the contracts pay the fees of all orders so far to the host whose enclave leads. */
export class FeesService {
  readonly #host: HostAccount;
  readonly #limit = new HourlyLimit({
    name: 'collecting fees',
    max: COLLECTIONS_PER_HOUR,
    unit: 'transactions',
  });

  constructor(host: HostAccount) {
    this.#host = host;
  }

  /** @throws {HostProxyError} `fails` when there is nothing to collect or nobody leads, `budget` or `chain` */
  async collect(): Promise<Collected> {
    const { digest, events } = await executeOwn(this.#host, this.#limit, collectFees);
    for (const event of events) {
      const decoded = decodeEvent(event);
      if (decoded?.kind === 'FeesCollectedEvent') return { digest, host: decoded.host, mist: decoded.amount };
    }
    throw new HostProxyError(
      'chain',
      `Cannot say what was collected: ${digest} emitted no FeesCollectedEvent`,
    );
  }
}
