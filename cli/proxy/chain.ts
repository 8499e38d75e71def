import { type KubernetesRequestArgs, MAX_BODY_BYTES } from '@daasvader/chain/calls/user.ts';
import { ContractReader } from '@daasvader/chain/objects.ts';
import { type Agree, contractEvents, execute } from '@daasvader/chain/submit.ts';
import type { Signer } from '@mysten/sui/cryptography';
import type { Context } from '../context.ts';
import { prepareOrders } from '../kubernetes-orders.ts';
import { type RequestRow, readRequests } from '../requests.ts';
import type { WalrusOptions } from '../walrus.ts';
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
  readonly #walrus: WalrusOptions;
  #fee: { mist: bigint; readAtMs: number } | undefined;

  constructor(context: Context, wallet: Signer, walrus: WalrusOptions) {
    this.#context = context;
    this.#wallet = wallet;
    this.#walrus = walrus;
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
    const isLarge = args.body.length > MAX_BODY_BYTES;
    if (isLarge) this.#assertStored(args);
    const path = isLarge && args.method === 'POST' ? `${args.path}/${args.name}` : args.path;
    const add = await prepareOrders([{ ...args, path }], this.#walrus);
    const submitted = await execute(client, this.#wallet, (tx) => add(tx, deployment), agree);
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

  /** Of what is stored elsewhere the chain has a digest, and the path has to say what it is. */
  #assertStored({ body, name }: OrderArgs): void {
    const size = `daas: Cannot order ${body.length} bytes: ${MAX_BODY_BYTES} fit into a transaction`;
    if (this.#walrus.walrusPublisher === undefined)
      throw new Refusal(413, `${size}; start with --walrus-publisher, which stores the rest, public too`);
    if (name === undefined) throw new Refusal(413, `${size}, and more only with a name of its own`);
  }
}
