import { bytes, type ForkedCluster, text, u8, u64 } from '@daasvader/testbed/cluster/forked-cluster.ts';
import type { Execution } from '@daasvader/testbed/devnet/execution/execute.ts';
import type { ForkArgument } from '@daasvader/testbed/devnet/testing/fork.ts';
import { bcs } from '@mysten/sui/bcs';
import type { Random } from './random.ts';
import type { StakeModel, Step } from './stake-model.ts';
import { newIdentity, WorkerIdentities } from './worker-identities.ts';

/** Two people with a worker each, who are users as well; short sequences over few of them meet most often. */
export interface Scene {
  people: string[];
  nodes: string[];
}

/** Something that is done to the contracts and to the model. */
export interface Operation {
  name: string;
  /** The worker that it is about, if it is about one. */
  node: string | undefined;
  describe: string;
  model(model: StakeModel): Step;
  run(): Execution;
}

/** What it takes to make an operation. */
interface Draw {
  node: string;
  /** The sender, mostly the worker's owner. */
  who: string;
  /** Who speaks as the operator, mostly the operator. */
  seat: string;
  mist: bigint;
  status: number;
  now: number;
}

type Make = (name: string, model: Operation['model'], run: () => Execution) => Operation;

/** How often an operation is drawn until it is one that is wanted. */
const DRAWS = 16;
/** MIST that open a worker or an account, but for the last. */
const ENOUGH = [5_000_000_000n, 5_000_000_001n, 15_000_000_000n, 10n ** 14n, 4_999_999_999n];
/** An order for a Deployment: method, path, name, labels, namespace, container, image, port. */
const ORDER = [
  ...['POST', '/apis/apps/v1/namespaces/default/deployments', 'web', 'app=web'],
  ...['default', 'web', 'nginx:1.27', '80'],
].map(text);

/** Operations about a worker that need no capability, and so are tried without a worker too. */
export const ANYBODYS = ['register', 'activate', 'set status', 'slash'];

/** Draws random operations on stake and fees. */
export class StakeOperations {
  readonly #cluster: ForkedCluster;
  readonly #random: Random;
  readonly #identities: WorkerIdentities;
  #sealTokens = 0n;

  constructor(cluster: ForkedCluster, random: Random) {
    this.#cluster = cluster;
    this.#random = random;
    this.#identities = new WorkerIdentities(cluster.clusterId);
  }

  /** An operation that opens a worker or an account. */
  first(scene: Scene): Operation {
    const { make, draw } = this.#draw(scene, this.#random.pick(ENOUGH));
    const register = this.#register(make, draw);
    return this.#random.pick([register, register, this.#stake(make, draw)]);
  }

  /**
   * Mostly an operation that changes something, so that histories get long: slashed, reinstated, left, paid out, closed. One
   * in three may be refused; of these one that is new, if it can be found.
   */
  next(scene: Scene, model: StakeModel, isNew: (operation: Operation) => boolean): Operation {
    const isWanted = this.#random.oneIn(3)
      ? isNew
      : (operation: Operation) => this.#changes(operation, scene, model);
    let operation = this.#any(scene);
    for (let draw = 1; draw < DRAWS && !isWanted(operation); draw += 1) operation = this.#any(scene);
    return operation;
  }

  #changes(operation: Operation, { people, nodes }: Scene, model: StakeModel): boolean {
    return operation.model(model.excerpt(nodes, [...people, this.#cluster.operator])).changed;
  }

  #any(scene: Scene): Operation {
    const { make, draw } = this.#draw(scene, this.#amount());
    const kinds = [
      () => this.#aboutWorkers(make, draw),
      () => this.#aboutWorkers(make, draw),
      () => this.#aboutUsers(make, draw, scene),
    ];
    if (this.#cluster.hasCap(draw.node)) kinds.push(...Array(3).fill(() => this.#ofOwners(make, draw)));
    return this.#random.pick(this.#random.pick(kinds)());
  }

  #draw({ people, nodes }: Scene, mist: bigint): { make: Make; draw: Draw } {
    const random = this.#random;
    const { operator, fork } = this.#cluster;
    const at = random.oneIn(4) ? 1 : 0;
    const draw = {
      node: nodes[at]!,
      who: random.oneIn(12) ? random.pick([operator, ...people]) : people[at]!,
      seat: random.oneIn(12) ? random.pick(people) : operator,
      mist,
      status: random.oneIn(4) ? random.below(7) : random.pick([1, 3, 4]),
      now: fork.timestampMs,
    };
    const describe = `${draw.node} ${mist} ${draw.status} by ${draw.who.slice(0, 6)} or ${draw.seat.slice(0, 6)}`;
    const make: Make = (name, model, run) => ({
      ...{ name, model, run, node: undefined },
      describe: `${name} ${describe}`,
    });
    return { make, draw };
  }

  /** Amounts on and beside every threshold, and the extremes. */
  #amount(): bigint {
    const random = this.#random;
    const near = random.pick([500_000_000n, 2_000_000_000n, 5_000_000_000n, 10_000_000_000n]);
    return random.pick([0n, 1n, near - 1n, near, near + 1n, near * 2n, near * 3n, 10n ** 14n]);
  }

  #register(make: Make, { who, node, mist, now }: Draw): Operation {
    const run = () => {
      const identity = newIdentity();
      const execution = this.#cluster.register(who, node, this.#sealToken(), identity.publicKey, mist);
      if (execution.failure === undefined) this.#identities.set(node, identity);
      return execution;
    };
    return { ...make('register', (m) => m.register(who, node, mist, now), run), node };
  }

  #stake(make: Make, { who, mist }: Draw): Operation {
    const run = () => this.#cluster.use(who, 'stake', ['payment'], mist);
    return make('stake', (m) => m.stake(who, mist), run);
  }

  #aboutWorkers(make: Make, draw: Draw): Operation[] {
    const { node, who, seat, status, now } = draw;
    const operate = (name: string, value: Uint8Array) => () =>
      this.#cluster.operate(seat, 'workersId', `worker_registry::${name}`, [text(node), value]);
    const proof = { isSigned: !this.#random.oneIn(6), isDouble: !this.#random.oneIn(6) };
    const slash = () => {
      const { counter, parts } = this.#identities.joins(node, proof);
      const values = [text(node), u64(counter), ...parts.map((part) => bytes(part))];
      return this.#cluster.own(who, 'slash_double_identity', values);
    };
    const state = make(
      'set status',
      (m) => m.setStatus(seat, node, status, now),
      () => operate('set_worker_status', u8(status))(),
    );
    return [
      this.#register(make, draw),
      make('activate', (m) => m.activate(seat, node, now), operate('activate_worker', u64(1n))),
      // A worker is offline only by this.
      ...[state, state],
      make('slash', (m) => m.slash(node, proof), slash),
    ].map((operation) => ({ ...operation, node }));
  }

  #ofOwners(make: Make, { node, mist, now }: Draw): Operation[] {
    const cluster = this.#cluster;
    const own = (name: string, values: ForkArgument[], payment?: bigint) =>
      cluster.own(cluster.worker(node)!.owner, name, values, payment);
    const cap = () => cluster.cap(node);
    const reinstate = () => {
      const identity = newIdentity();
      const values = ['payment', cap(), this.#sealToken(), bytes(identity.publicKey)] as ForkArgument[];
      const execution = own('reinstate', values, mist);
      if (execution.failure === undefined) this.#identities.set(node, identity);
      return execution;
    };
    const refresh = () => own('refresh_seal_token', [cap(), this.#sealToken()]);
    const addStake = () => own('add_stake', ['payment', cap()], mist);
    const call = (name: string) => () => own(name, [cap()]);
    // What is legal only after others comes more often: resuming after a drain, being paid and closing after leaving.
    const drain = make('drain', (m) => m.drain(node), call('drain_worker'));
    const resume = make('resume', (m) => m.resume(node, now), call('resume_worker'));
    const withdraw = make('withdraw', (m) => m.withdrawWorker(node, now), call('withdraw'));
    const close = make('close', (m) => m.close(node), call('close_worker'));
    return [
      ...[drain, drain, resume, resume, resume],
      make('refresh', (m) => m.refresh(node, now), refresh),
      make('leave', (m) => m.leave(node), call('leave')),
      make('add stake', (m) => m.addStake(node, mist), addStake),
      make('reinstate', (m) => m.reinstate(node, mist, now), reinstate),
      make('ask', (m) => m.requestWorkerWithdraw(node, now), call('request_withdraw')),
      ...[withdraw, withdraw, close, close, close, close],
    ].map((operation) => ({ ...operation, node }));
  }

  #aboutUsers(make: Make, draw: Draw, { people }: Scene): Operation[] {
    const { who, mist, now } = draw;
    const cluster = this.#cluster;
    const owner = this.#random.pick(people);
    const use = (name: string, value: ForkArgument[]) => () => cluster.use(who, name, value, mist);
    const ask = (name: string, values: ForkArgument[]) => () => cluster.request(who, name, values, mist);
    const deposit: ForkArgument[] = ['payment', address(owner)];
    const order = make('order', (m) => m.order(who), ask('submit_k8s_request', [...ORDER, address(who)]));
    const back = make('withdraw fees', (m) => m.withdrawFees(who, mist), ask('withdraw_fees', [u64(mist)]));
    return [
      this.#stake(make, draw),
      make('restake', (m) => m.restake(who, mist), use('restake', ['payment'])),
      make('unstake', (m) => m.requestWithdraw(who, mist, now), use('request_withdraw', [u64(mist)])),
      make('withdraw stake', (m) => m.withdrawUser(who, now), use('withdraw', [])),
      make('deposit fees', (m) => m.depositFees(owner, mist), ask('deposit_fees', deposit)),
      make(
        'collect fees',
        (m) => m.collectFees(),
        () => cluster.collectFees(who),
      ),
      // They need that others went before.
      ...[order, order, back, back],
    ];
  }

  #sealToken(): Uint8Array {
    this.#sealTokens += 1n;
    return text(this.#sealTokens.toString(16).padStart(64, '0'));
  }
}

function address(value: string): Uint8Array {
  return bcs.Address.serialize(value).toBytes();
}
