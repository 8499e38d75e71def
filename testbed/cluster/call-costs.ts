import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { joinStatement } from '@daasvader/chain/join-statement.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';
import { bcs } from '@mysten/sui/bcs';
import type { Execution } from '../devnet/execution/execute.ts';
import type { ForkArgument } from '../devnet/testing/fork.ts';
import { bytes, type ForkedCluster, outcomeOf, text, u8, u64 } from './forked-cluster.ts';

const STAKE = 10_000_000_000n;
const MIST_PER_SUI = 1e9;
const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * 86_400_000;
/** How many grants an owner makes within an hour. */
const HOURLY_GRANTS = 30;
/** More than there are numbers of workers at the greatest size. */
const SECOND_KEY = 1_000_000;
/** As much as a piece of a body holds, and how many of them a body has. */
const [PIECE_BYTES, PIECES] = [12_288, 8];
/** As many grants as one owner may have. */
const MAX_GRANTS = 64;
const DEVELOPER = 2;
const DIGEST = bytes(new Uint8Array(32));
const TEN_NODES = Array.from({ length: 10 }, (_, index) => `w${index}`);
const ten = bcs.vector(bcs.string());

const person = (index: number) => `0x${index.toString(16).padStart(32, '0')}${'f'.repeat(32)}`;
const key = (index: number) => text(index.toString(16).padStart(64, '0'));

/** What a call took. */
export interface Cost {
  /** Of computation, before they are rounded up. */
  units: number;
  /** Stored less freed. */
  bytes: number;
  /** What the sender pays for both; less than nothing where more is given back. */
  sui: number;
}

function cost(execution: Execution): Cost {
  assertDone(execution);
  const { computationCost, storageCost, storageRebate, nonRefundableStorageFee } = execution.settlement.gas;
  const bytes = Number(storageCost - storageRebate - nonRefundableStorageFee) / 7_600;
  const sui = Number(computationCost + storageCost - storageRebate) / MIST_PER_SUI;
  return { units: execution.units, bytes, sui };
}

const identity = (index: number) => Buffer.from(index.toString(16).padStart(64, '0'), 'hex');
const node = (index: number) => text(name(index));
const name = (index: number) => `w${index}`;

const guest = (index: number) => `0xe${index.toString(16).padStart(31, '0')}${'f'.repeat(32)}`;
const grantee = (owner: number, index: number) => [
  text(namespaceOf(person(owner))),
  Buffer.from(guest(index).slice(2), 'hex'),
];

const CONFIG_MAPS = ['POST', '/api/v1/namespaces/default/configmaps', '', 'application/json'].map(text);

function assertDone(execution: Execution): void {
  const outcome = outcomeOf(execution);
  if (outcome !== 'ok') throw new Error(`Cannot tell what a call takes: it ended with ${outcome}`);
}

/** Makes every call that others than the admin and the host make, in a cluster of any size, and tells what each took. */
export class CallCosts {
  readonly #cluster: ForkedCluster;
  /** Workers, users, owners of grants and requests there are. */
  #size = 0;
  #requests = 0n;

  /** @param cluster a new one, which nobody else uses */
  constructor(cluster: ForkedCluster) {
    this.#cluster = cluster;
  }

  /** Adds workers, users, owners of grants and requests until there are so many of each. */
  grow(to: number): void {
    for (; this.#size < to; this.#size += 1) {
      const first = (index: number) => this.#grant(index, 0);
      const works = [this.#register, this.#activate, this.#stake, this.#submit, first];
      for (const work of works) assertDone(work(this.#size));
    }
  }

  /** What every operation costs at the present size. Each leaves the cluster as large as it was, but for two of each. */
  measure(): Record<string, Cost> {
    const at = this.#size;
    const status = (value: number) =>
      this.#cluster.operate(this.#cluster.operator, 'workersId', 'worker_registry::set_worker_status', [
        text(node),
        u8(value),
      ]);
    const own = (name: string, ...values: Uint8Array[]) =>
      this.#cluster.own(person(at), name, [this.#cluster.cap(node), ...values]);
    const user = Buffer.from(person(at).slice(2), 'hex');
    const further = text(`${namespaceOf(person(at))}-x`);
    const node = name(at);
    const signer = generateKeyPairSync('ed25519');
    const signerKey = Uint8Array.from(signer.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32));
    const costs: Record<string, Cost> = {};
    const run = (name: string, work: () => Execution) => {
      costs[name] = cost(work());
    };
    run('stake_and_register_worker', () => this.#register(at, key(at), signerKey));
    run('activate_worker', () => this.#activate(at));
    run('set_worker_status', () => status(3));
    cost(status(1));
    run('set_offer', () =>
      own('set_offer', ...[4_000n, 8_192n, 100n, 1n, 2n, 3n].map(u64), text('eu-1'), u8(1)),
    );
    run('add_stake', () =>
      this.#cluster.own(person(at), 'add_stake', ['payment', this.#cluster.cap(node)], STAKE),
    );
    run('drain_worker', () => own('drain_worker'));
    run('resume_worker', () => own('resume_worker'));
    run('refresh_seal_token', () => own('refresh_seal_token', key(SECOND_KEY + at)));
    run('stake', () => this.#stake(at));
    run('restake', () => this.#cluster.use(person(at), 'restake', ['payment'], STAKE));
    run('submit_k8s_request', () => this.#submit(at));
    run('submit_request, of 96 KiB', () => this.#submitRequest(at));
    cost(this.#cancel(at));
    run('submit_request_by_digest', () => this.#submitByDigest(at));
    cost(this.#cancel(at));
    run('deposit_fees', () => this.#cluster.request(person(at), 'deposit_fees', ['payment', user], STAKE));
    run('withdraw_fees', () => this.#cluster.request(person(at), 'withdraw_fees', [u64(STAKE)]));
    cost(this.#submit(at));
    run('start_request', () => this.#request('start_request', this.#requests));
    run('assign_worker', () =>
      this.#request('assign_worker', this.#requests, ten.serialize(TEN_NODES).toBytes()),
    );
    run('complete_request', () => this.#request('complete_request', this.#requests, DIGEST));
    cost(this.#submit(at));
    run('fail_request', () => this.#request('fail_request', this.#requests, text('no'), u8(1)));
    cost(this.#submit(at));
    run('cancel_request', () => this.#cancel(at));
    run('settle_cancelled_request', () => this.#request('settle_cancelled_request', this.#requests, u8(2)));
    run('prune_request', () => this.#cluster.request(person(at), 'prune_request', [u64(this.#requests)]));
    run('claim_namespace', () => this.#cluster.use(person(at), 'claim_namespace', [further]));
    run('release_namespace', () => this.#cluster.use(person(at), 'release_namespace', [further]));
    run('grant_role, the first', () => this.#grant(at, 0));
    for (let index = 1; index < MAX_GRANTS - 1; index += 1) {
      if (index % HOURLY_GRANTS === 0) this.#cluster.fork.timestampMs += HOUR_MS;
      cost(this.#grant(at, index));
    }
    run('grant_role, the 64th', () => this.#grant(at, MAX_GRANTS - 1));
    run('submit_k8s_request by the 64th', () =>
      this.#submitAs(guest(MAX_GRANTS - 1), namespaceOf(person(at))),
    );
    cost(this.#cancel(at));
    run('revoke_role, the 64th', () => this.#revoke(at, MAX_GRANTS - 1));
    run('heartbeat', () => this.#cluster.heartbeat());
    run('slash_double_identity', () =>
      this.#cluster.own(person(at), 'slash_double_identity', this.#doubleIdentity(at, signer.privateKey)),
    );
    const keys = [key(2 * SECOND_KEY + at), bytes(identity(SECOND_KEY + at))];
    run('reinstate', () =>
      this.#cluster.own(person(at), 'reinstate', ['payment', this.#cluster.cap(node), ...keys], STAKE),
    );
    run('leave', () => own('leave'));
    run('request_withdraw of a worker', () => own('request_withdraw'));
    run('request_withdraw of a user', () => this.#cluster.use(person(at), 'request_withdraw', [u64(STAKE)]));
    this.#cluster.fork.timestampMs += WEEK_MS;
    run('withdraw of a worker', () => own('withdraw'));
    run('close_worker', () => own('close_worker'));
    cost(this.#register(at, key(3 * SECOND_KEY + at), identity(2 * SECOND_KEY + at)));
    cost(this.#activate(at));
    run('withdraw of a user', () => this.#cluster.use(person(at), 'withdraw', []));
    this.#size += 1;
    return costs;
  }

  readonly #register = (index: number, sealToken = key(index), identityKey: Uint8Array = identity(index)) =>
    this.#cluster.register(person(index), name(index), sealToken, identityKey, STAKE);

  readonly #activate = (index: number) =>
    this.#cluster.operate(this.#cluster.operator, 'workersId', 'worker_registry::activate_worker', [
      node(index),
      u64(1n),
    ]);

  readonly #stake = (index: number) => this.#cluster.use(person(index), 'stake', ['payment'], STAKE);

  readonly #grant = (owner: number, index: number) =>
    this.#cluster.use(person(owner), 'grant_role', [...grantee(owner, index), u8(DEVELOPER)]);

  readonly #revoke = (owner: number, index: number) =>
    this.#cluster.use(person(owner), 'revoke_role', grantee(owner, index));

  readonly #submit = (index: number) => this.#submitAs(person(index), 'default');

  #submitAs(requester: string, namespace: string): Execution {
    this.#requests += 1n;
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
    const fields = ['POST', path, 'web', 'app=web', namespace, 'web', 'nginx:1.27', '80'];
    const values: ForkArgument[] = [...fields.map(text), Buffer.from(requester.slice(2), 'hex')];
    return this.#cluster.request(requester, 'submit_k8s_request', values);
  }

  #submitRequest(index: number): Execution {
    this.#requests += 1n;
    const pieces = Array.from({ length: PIECES }, () => new Uint8Array(PIECE_BYTES));
    return this.#cluster.request(person(index), 'submit_request', [...CONFIG_MAPS, { pieces }]);
  }

  #submitByDigest(index: number): Execution {
    this.#requests += 1n;
    const body = [DIGEST, u64(1_000_000n), DIGEST];
    return this.#cluster.request(person(index), 'submit_request_by_digest', [...CONFIG_MAPS, ...body]);
  }

  readonly #cancel = (index: number) =>
    this.#cluster.request(person(index), 'cancel_request', [u64(this.#requests)]);

  readonly #request = (name: string, id: bigint, ...values: Uint8Array[]) =>
    this.#cluster.operate(this.#cluster.operator, 'schedulerId', `k8s_scheduler::${name}`, [
      u64(id),
      ...values,
    ]);

  /** Two joins of a worker, signed under one counter. */
  #doubleIdentity(index: number, signer: KeyObject): Uint8Array[] {
    const joins = [1, 2].flatMap((value) => {
      const digest = new Uint8Array(32).fill(value);
      const statement = { clusterId: this.#cluster.clusterId, nodeId: name(index), counter: 1n, digest };
      return [digest, sign(null, joinStatement(statement), signer)];
    });
    return [node(index), u64(1n), ...joins.map((value) => bytes(value))];
  }
}
