import { type KubernetesRequestArgs, MAX_BODY_BYTES, submitRequest } from '@daasvader/chain/calls/user.ts';
import { ContractReader } from '@daasvader/chain/objects.ts';
import { type Agree, contractEvents, execute } from '@daasvader/chain/submit.ts';
import type { Signer } from '@mysten/sui/cryptography';
import type { Context } from '../context.ts';
import { type RequestRow, readRequests } from '../requests.ts';
import { Refusal } from './status.ts';

const READ_TIMEOUT_MS = 5_000;
/** How long a fee counts that was read; another takes effect after the cluster's delay, of days. */
const FEE_MS = 60_000;

/** An order that is on chain. */
export interface Ordered {
  requestId: bigint;
  /** MIST. */
  gas: bigint;
}

/** An order as it is given. */
export interface OrderArgs extends KubernetesRequestArgs {
  /** Of its object, where that is known. */
  name: string | undefined;
}

/** Where orders are given. */
export interface Chain {
  /** Of an order now, in MIST. */
  fee(): Promise<bigint>;
  /** Signs and sends an order, once `agree` lets it. */
  order(args: OrderArgs, agree: Agree): Promise<Ordered>;
  /** What the chain says of an order; undefined when it does not answer. */
  look(requestId: bigint): Promise<RequestRow | undefined>;
}

/** Orders with a wallet. */
export class WalletChain implements Chain {
  readonly #context: Context;
  readonly #wallet: Signer;
  #fee: { mist: bigint; readAtMs: number } | undefined;

  constructor(context: Context, wallet: Signer) {
    this.#context = context;
    this.#wallet = wallet;
  }

  async fee(): Promise<bigint> {
    const now = performance.now();
    if (this.#fee !== undefined && now - this.#fee.readAtMs < FEE_MS) return this.#fee.mist;
    const { client, deployment } = this.#context;
    const { fee } = await new ContractReader(client, deployment).fees(this.#wallet.toSuiAddress());
    this.#fee = { mist: fee, readAtMs: now };
    return fee;
  }

  async order(args: OrderArgs, agree: Agree): Promise<Ordered> {
    const { client, deployment } = this.#context;
    if (args.body.length > MAX_BODY_BYTES)
      throw new Refusal(
        413,
        `daas: Cannot order ${args.body.length} bytes: ${MAX_BODY_BYTES} fit into a transaction`,
      );
    const submitted = await execute(client, this.#wallet, (tx) => submitRequest(tx, deployment, args), agree);
    const [event] = contractEvents(submitted, deployment.originalPackageId).filter(
      ({ kind }) => kind === 'KubernetesRequestEvent',
    );
    if (event?.kind !== 'KubernetesRequestEvent')
      throw new Refusal(
        503,
        `daas: Cannot tell the number of what ${submitted.digest} ordered; see daas requests`,
      );
    return { requestId: BigInt(event.requestId), gas: submitted.gas };
  }

  async look(requestId: bigint): Promise<RequestRow | undefined> {
    const { client, deployment } = this.#context;
    const signal = AbortSignal.timeout(READ_TIMEOUT_MS);
    const rows = await readRequests(client, deployment, [requestId], signal).catch(() => undefined);
    return rows?.[0];
  }
}
