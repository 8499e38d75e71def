import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { submitRequest, submitRequestByDigest } from '@daasvader/chain/calls/user.ts';
import { codeName, REQUEST_STATUS } from '@daasvader/chain/codes.ts';
import type { ContractIds } from '@daasvader/chain/deployment.ts';
import { ContractReader } from '@daasvader/chain/objects.ts';
import { contractEvents, type Submitted, submit } from '@daasvader/chain/submit.ts';
import type { Cluster } from '@daasvader/testbed/cluster/cluster.ts';
import { User } from '@daasvader/testbed/cluster/user.ts';
import { readWallet } from '@daasvader/worker-agent/keys.ts';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import type { Transaction } from '@mysten/sui/transactions';
import { parse } from 'yaml';
import { type Identity, Peer } from './peer.ts';

const POLL_MS = 200;
const ENDED_TIMEOUT_MS = 60_000;
const RENEW_AFTER_MS = 300_000;

/** The least stake of each role, in SUI. */
const STAKES = { viewer: '0.5', developer: '2', admin: '5', super: '10' } as const;
export type TenantRole = keyof typeof STAKES;
export const TENANT_ROLES = Object.keys(STAKES) as TenantRole[];

/** A request to Kubernetes by way of the chain. */
export interface Order {
  readonly method?: string;
  readonly path: string;
  readonly query?: string;
  readonly contentType?: string;
  /** Sent as JSON, a text as it is. */
  readonly body?: object | string;
  /** What a blob is said to hold in place of a body: SHA-256 and blob id, 32 bytes each. */
  readonly blob?: { readonly digest: Uint8Array; readonly id: Uint8Array };
}

/** Somebody who staked for a role, with a credential that the API takes. */
export class Tenant {
  readonly user: User;
  readonly #cluster: Cluster;
  readonly #client: SuiGrpcClient;
  readonly #chain: ContractReader;
  #credential: Credential;

  private constructor(cluster: Cluster, user: User, credential: Credential) {
    this.#cluster = cluster;
    this.#client = new SuiGrpcClient({ network: 'devnet-local', baseUrl: cluster.addresses.rpcUrl });
    this.#chain = new ContractReader(this.#client, cluster.deployment);
    this.user = user;
    this.#credential = credential;
  }

  get namespace(): string {
    return this.#credential.namespace;
  }

  get peer(): Peer {
    return new Peer(this.#cluster.addresses.kubernetesUrl, this.#credential.identity);
  }

  static async create(cluster: Cluster, name: string, role: TenantRole): Promise<Tenant> {
    const user = await User.create(cluster, name);
    await user.daas('stake', STAKES[role]);
    await user.untilRole();
    return new Tenant(cluster, user, await login(user));
  }

  /** Gets another credential when half of this one's ten minutes have passed. */
  async renew(): Promise<void> {
    if (Date.now() - this.#credential.issuedAt > RENEW_AFTER_MS) this.#credential = await login(this.user);
  }

  /** Sends a transaction of one's own. */
  async send(build: (tx: Transaction, ids: ContractIds) => void): Promise<Submitted> {
    const { deployment } = this.#cluster;
    return submit(this.#client, await readWallet(this.user.wallet), (tx) => build(tx, deployment));
  }

  /** Sends a transaction that the contracts shall refuse, and gives why they did. */
  try(build: (tx: Transaction, ids: ContractIds) => void): Promise<string> {
    return this.send(build).then(
      ({ digest }) => `TAKEN ${digest}`,
      (error: Error) => `not taken: ${error.message}`,
    );
  }

  /** Orders in one transaction, of which `rest` adds the end, and gives the numbers of the requests. */
  async place(
    orders: readonly Order[],
    rest: (tx: Transaction, ids: ContractIds) => void = () => undefined,
  ): Promise<bigint[]> {
    const submitted = await this.send((tx, ids) => {
      for (const order of orders) add(tx, ids, order);
      rest(tx, ids);
    });
    return contractEvents(submitted, this.#cluster.deployment.originalPackageId)
      .filter((event) => event.kind === 'KubernetesRequestEvent')
      .map(({ requestId }) => BigInt(requestId));
  }

  /**
   * Orders on chain and gives how that ended: `FAILED reason`, `FAILED, but applied: reason`, or why the contract takes no
   * such order.
   */
  async order(order: Order): Promise<string> {
    try {
      const [id] = await this.place([order]);
      return await this.end(id ?? 0n);
    } catch (error) {
      return `not taken: ${(error as Error).message}`;
    }
  }

  /** Gives how an order ended. */
  async end(id: bigint): Promise<string> {
    for (const deadline = Date.now() + ENDED_TIMEOUT_MS; ; await sleep(POLL_MS)) {
      const request = await this.#chain.request(id);
      const { status = 0, reason = '', applied = false } = request ?? {};
      const name = codeName(REQUEST_STATUS, status)?.toUpperCase();
      if (status > REQUEST_STATUS.running)
        return applied ? `${name}, but applied: ${reason}` : `${name} ${reason}`;
      if (Date.now() > deadline) return `${name} for ${ENDED_TIMEOUT_MS / 1_000} s`;
    }
  }
}

function add(tx: Transaction, ids: ContractIds, order: Order): void {
  const { method = 'POST', path, query = '', contentType = 'application/json', body = '', blob } = order;
  const request = { method, path, query, contentType };
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  if (blob === undefined) submitRequest(tx, ids, { ...request, body: Buffer.from(text) });
  else submitRequestByDigest(tx, ids, { ...request, digest: blob.digest, size: 1_000n, blobId: blob.id });
}

interface Credential {
  namespace: string;
  identity: Identity;
  /** Ms since 1970. */
  issuedAt: number;
}

async function login(user: User): Promise<Credential> {
  const issuedAt = Date.now();
  await user.login();
  const { users, contexts } = parse(await readFile(user.kubeconfig, 'utf8')) as {
    users: { user: Record<string, string> }[];
    contexts: { context: { namespace: string } }[];
  };
  return { namespace: contexts[0]!.context.namespace, identity: identityOf(users[0]!.user), issuedAt };
}

/** A kubeconfig's certificate and key. */
function identityOf(user: Record<string, string>): Identity {
  const decode = (field: string) => Buffer.from(user[field] ?? '', 'base64').toString();
  return { cert: decode('client-certificate-data'), key: decode('client-key-data') };
}
