import { takeLead } from '@daasvader/chain/calls/lead.ts';
import { type Act, beginAct, heartbeat, type OperatorIds } from '@daasvader/chain/calls/operator.ts';
import { type Executed, Operator } from '@daasvader/enclave/chain/operator.ts';
import { type RegistrationOptions, register, takeSeat } from '@daasvader/enclave/chain/registration.ts';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import type { Transaction } from '@mysten/sui/transactions';
import type { ChainCluster } from './chain-cluster.ts';

const AUDIT_HEAD = new Uint8Array(32);
/** How long a transaction may be held back unless a test says otherwise, in ms. */
const HOLD_MS = 120_000n;

/** In which term an enclave believes to lead, and until when its transaction may count. */
export interface ActOptions {
  readonly term?: bigint;
  readonly notAfterMs?: bigint;
  readonly onSigned?: (digest: string) => void;
}

/** What an enclave is on the chain: an operator without a coin, registered by its document, and what it becomes. */
export class ChainEnclave {
  readonly operator: Operator;
  readonly ids: OperatorIds;
  readonly #cluster: ChainCluster;
  /** Of the lead that it took. */
  term = 0n;

  private constructor(cluster: ChainCluster, operator: Operator, ids: OperatorIds) {
    this.#cluster = cluster;
    this.operator = operator;
    this.ids = ids;
  }

  /** What an enclave that has just booted registers with. */
  static async boot(cluster: ChainCluster): Promise<RegistrationOptions> {
    const { client, services, nsm, deployment } = cluster;
    const operator = new Operator(client, services, new Ed25519Keypair());
    return { operator, nsm, services, ids: deployment, binding: await cluster.bindingOf(operator.address) };
  }

  static async register(cluster: ChainCluster): Promise<ChainEnclave> {
    const booted = await ChainEnclave.boot(cluster);
    const ids = { ...cluster.deployment, enclaveId: await register(booted) };
    return new ChainEnclave(cluster, booted.operator, ids);
  }

  /** One that registered, is seated by its host and leads. */
  static async leading(cluster: ChainCluster): Promise<ChainEnclave> {
    const enclave = await ChainEnclave.register(cluster);
    await enclave.seat();
    await enclave.lead();
    return enclave;
  }

  async seat(): Promise<void> {
    const { services } = this.#cluster;
    await takeSeat({ services, operator: this.operator } as RegistrationOptions, this.ids.enclaveId);
  }

  /** @param expected the term that it believes to be over */
  async lead(expected?: bigint): Promise<void> {
    const { lease } = await this.#cluster.reader.registry();
    const term = expected ?? BigInt(lease.term);
    await this.operator.execute((tx) => takeLead(tx, this.ids, term));
    this.term = term + 1n;
  }

  /** Adds what begins a transaction of the operator's, whatever that is worth. */
  begin(tx: Transaction, nowMs: number, { term, notAfterMs }: ActOptions = {}): Act {
    const limits = { term: term ?? this.term, notAfterMs: notAfterMs ?? BigInt(nowMs) + HOLD_MS };
    return beginAct(tx, this.ids, limits);
  }

  /** Sends a transaction of the operator's. */
  async act(build: (tx: Transaction, act: Act) => void, options: ActOptions = {}): Promise<Executed> {
    const nowMs = await this.#cluster.reader.timeMs();
    return this.operator.execute((tx) => build(tx, this.begin(tx, nowMs, options)), options.onSigned);
  }

  beat(options: ActOptions = {}): Promise<Executed> {
    const heads = { auditHead: AUDIT_HEAD, inSync: [this.#cluster.host.toSuiAddress()] };
    return this.act((tx, act) => heartbeat(tx, this.ids, act, heads), options);
  }
}
