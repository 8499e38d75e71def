/** What the contracts say about stake and fees, written a second time without Move, tables or events. */

/** `ok`, or `module::EName`. */
export type Outcome = string;

/** MIST that came from the sender, and that went out; and whether anything is different now. */
export interface Step {
  outcome: Outcome;
  paidIn: bigint;
  paidOut: bigint;
  /** A level that the operator states again is `ok` and changes nothing. */
  changed: boolean;
}

export interface Stake {
  bonded: bigint;
  unbonding: bigint;
  unbondsAtMs: number;
}

export interface Worker extends Stake {
  owner: string;
  status: number;
  isSlashed: boolean;
  tokenExpiresAtMs: number;
}

/** What an owner of namespaces has with the scheduler. */
export interface Account {
  fees: bigint;
  open: number;
}

/** Whether two signatures are the worker's, and whether they are over different joins. */
export interface Proof {
  isSigned: boolean;
  isDouble: boolean;
}

const [PENDING, ACTIVE, SLASHED, OFFLINE, DRAINING, LEFT] = [0, 1, 2, 3, 4, 5];
const DAY_MS = 86_400_000;
const MIN_WORKER = 5_000_000_000n;
const MIN_USER = 500_000_000n;
const DEVELOPER = 2_000_000_000n;
const MAX_OPEN = 32;
const TOKEN_MS = 30 * DAY_MS;
const UNBONDING_MS = 7 * DAY_MS;

class Abort extends Error {}

function assert(condition: boolean, name: string): void {
  if (!condition) throw new Abort(name);
}

/** Everything that holds money in one cluster. Every operation takes its sender and the time. */
export class StakeModel {
  readonly workers = new Map<string, Worker>();
  readonly stakes = new Map<string, Stake>();
  readonly accounts = new Map<string, Account>();
  activeCount = 0;
  forfeited = 0n;
  collected = 0n;
  readonly #operator: string;
  /** MIST that an order costs. */
  readonly #fee: bigint;

  constructor(operator: string, fee: bigint) {
    this.#operator = operator;
    this.#fee = fee;
  }

  /** A model of these workers and people alone, to try something on. */
  excerpt(nodes: string[], people: string[]): StakeModel {
    const copy = new StakeModel(this.#operator, this.#fee);
    const { activeCount, forfeited, collected } = this;
    Object.assign(copy, { activeCount, forfeited, collected });
    copyEntries(this.workers, copy.workers, nodes);
    copyEntries(this.stakes, copy.stakes, people);
    copyEntries(this.accounts, copy.accounts, people);
    return copy;
  }

  /** MIST that the contracts must hold. */
  get total(): bigint {
    const stakes = [...this.workers.values(), ...this.stakes.values()];
    const staked = stakes.reduce((sum, { bonded, unbonding }) => sum + bonded + unbonding, 0n);
    const paidIn = [...this.accounts.values()].reduce((sum, { fees }) => sum + fees, 0n);
    return staked + paidIn + this.forfeited + this.collected;
  }

  register(owner: string, nodeId: string, amount: bigint, nowMs: number): Step {
    return attempt(amount, () => {
      assert(!this.workers.has(nodeId), 'worker_registry::ENodeIdTaken');
      assert(amount >= MIN_WORKER, 'worker_registry::EStakeTooSmall');
      const tokenExpiresAtMs = nowMs + TOKEN_MS;
      const stake = { bonded: amount, unbonding: 0n, unbondsAtMs: 0 };
      this.workers.set(nodeId, { owner, status: PENDING!, isSlashed: false, tokenExpiresAtMs, ...stake });
    });
  }

  activate(sender: string, nodeId: string, nowMs: number): Step {
    return this.#state(sender, nodeId, ACTIVE!, (worker) => {
      return (worker.status === PENDING || worker.status === OFFLINE) && hasToken(worker, nowMs);
    });
  }

  setStatus(sender: string, nodeId: string, status: number, nowMs: number): Step {
    if (sender === this.#operator && ![ACTIVE, OFFLINE, DRAINING].includes(status))
      return attempt(0n, () => assert(false, 'worker_registry::EBadStatus'));
    return this.#state(sender, nodeId, status, (worker) => {
      if (worker.status === ACTIVE) return status !== ACTIVE;
      return worker.status === OFFLINE && status === ACTIVE && hasToken(worker, nowMs);
    });
  }

  slash(nodeId: string, proof: Proof): Step {
    return attempt(0n, () => {
      assert(proof.isDouble, 'worker_registry::EBadProof');
      const worker = this.#worker(nodeId);
      assert(proof.isSigned, 'worker_registry::EBadProof');
      assert(!worker.isSlashed, 'worker_registry::EBadTransition');
      assert(worker.bonded + worker.unbonding > 0n, 'worker_registry::ENothingStaked');
      for (const part of ['bonded', 'unbonding'] as const) {
        const taken = worker[part] / 2n;
        worker[part] -= taken;
        this.forfeited += taken;
      }
      worker.isSlashed = true;
      if (worker.status !== LEFT) this.#change(worker, SLASHED!);
    });
  }

  refresh(nodeId: string, nowMs: number): Step {
    return attempt(0n, () => {
      const worker = this.#worker(nodeId);
      assert(!hasEnded(worker), 'worker_registry::EBadTransition');
      worker.tokenExpiresAtMs = nowMs + TOKEN_MS;
    });
  }

  drain(nodeId: string): Step {
    return attempt(0n, () => {
      const worker = this.#worker(nodeId);
      assert(worker.status === ACTIVE, 'worker_registry::EBadTransition');
      this.#change(worker, DRAINING!);
    });
  }

  resume(nodeId: string, nowMs: number): Step {
    return attempt(0n, () => {
      const worker = this.#worker(nodeId);
      assert(worker.status === DRAINING, 'worker_registry::EBadTransition');
      assert(hasToken(worker, nowMs), 'worker_registry::ESealTokenExpired');
      this.#change(worker, ACTIVE!);
    });
  }

  leave(nodeId: string): Step {
    return attempt(0n, () => {
      const worker = this.#worker(nodeId);
      assert(!hasEnded(worker), 'worker_registry::EBadTransition');
      this.#change(worker, LEFT!);
    });
  }

  close(nodeId: string): Step {
    return attempt(0n, () => {
      const worker = this.#worker(nodeId);
      assert(hasEnded(worker), 'worker_registry::EBadTransition');
      assert(worker.bonded + worker.unbonding === 0n, 'worker_registry::EStillStaked');
      this.workers.delete(nodeId);
    });
  }

  addStake(nodeId: string, amount: bigint): Step {
    return attempt(amount, () => {
      const worker = this.#worker(nodeId);
      assert(worker.status !== LEFT, 'worker_registry::EBadTransition');
      add(worker, amount);
    });
  }

  reinstate(nodeId: string, amount: bigint, nowMs: number): Step {
    return attempt(amount, () => {
      const worker = this.#worker(nodeId);
      assert(worker.status === SLASHED, 'worker_registry::EBadTransition');
      assert(amount > 0n, 'stake::EZeroAmount');
      assert(worker.bonded + amount >= MIN_WORKER, 'worker_registry::EStakeTooSmall');
      add(worker, amount);
      worker.tokenExpiresAtMs = nowMs + TOKEN_MS;
      worker.isSlashed = false;
      this.#change(worker, PENDING!);
    });
  }

  requestWorkerWithdraw(nodeId: string, nowMs: number): Step {
    return attempt(0n, () => {
      const worker = this.#worker(nodeId);
      assert(hasEnded(worker), 'worker_registry::EBadTransition');
      unbond(worker, worker.bonded, nowMs);
    });
  }

  withdrawWorker(nodeId: string, nowMs: number): Step {
    return attempt(0n, () => withdraw(this.#worker(nodeId), nowMs));
  }

  stake(user: string, amount: bigint): Step {
    return attempt(amount, () => {
      assert(!this.stakes.has(user), 'staking::EAlreadyStaked');
      assert(amount >= MIN_USER, 'staking::EStakeTooSmall');
      this.stakes.set(user, { bonded: amount, unbonding: 0n, unbondsAtMs: 0 });
    });
  }

  restake(user: string, amount: bigint): Step {
    return attempt(amount, () => {
      add(this.#stake(user), amount);
    });
  }

  requestWithdraw(user: string, amount: bigint, nowMs: number): Step {
    return attempt(0n, () => {
      unbond(this.#stake(user), amount, nowMs);
    });
  }

  withdrawUser(user: string, nowMs: number): Step {
    return attempt(0n, () => {
      const stake = this.#stake(user);
      const amount = withdraw(stake, nowMs);
      if (stake.bonded === 0n) this.stakes.delete(user);
      return amount;
    });
  }

  depositFees(owner: string, amount: bigint): Step {
    return attempt(amount, () => {
      assert(amount > 0n, 'k8s_scheduler::EZeroAmount');
      this.#account(owner).fees += amount;
    });
  }

  withdrawFees(owner: string, amount: bigint): Step {
    return attempt(0n, () => {
      assert(amount > 0n, 'k8s_scheduler::EZeroAmount');
      const account = this.#account(owner);
      assert(amount <= account.fees, 'k8s_scheduler::ENotEnoughFees');
      account.fees -= amount;
      return amount;
    });
  }

  /** An order in the sender's own namespace, which takes the fee. */
  order(user: string): Step {
    return attempt(0n, () => {
      assert(this.activeCount > 0, 'k8s_scheduler::ENoActiveWorker');
      const bonded = this.stakes.get(user)?.bonded ?? 0n;
      assert(bonded >= DEVELOPER, 'k8s_scheduler::ERoleTooLow');
      const account = this.#account(user);
      assert(account.open < MAX_OPEN, 'k8s_scheduler::ETooManyPending');
      assert(account.fees >= this.#fee, 'fees::EFeeUnpaid');
      account.open += 1;
      account.fees -= this.#fee;
      this.collected += this.#fee;
    });
  }

  collectFees(): Step {
    return attempt(0n, () => {
      const amount = this.collected;
      assert(amount > 0n, 'k8s_scheduler::EZeroAmount');
      this.collected = 0n;
      return amount;
    });
  }

  #worker(nodeId: string): Worker {
    const worker = this.workers.get(nodeId);
    assert(worker !== undefined, 'worker_registry::EUnknownWorker');
    return worker!;
  }

  #change(worker: Worker, status: number): void {
    if (worker.status === ACTIVE) this.activeCount -= 1;
    if (status === ACTIVE) this.activeCount += 1;
    worker.status = status;
  }

  /** What the operator says about a worker; nothing happens where it does not apply. */
  #state(sender: string, nodeId: string, status: number, applies: (worker: Worker) => boolean): Step {
    const worker = this.workers.get(nodeId);
    const changed = worker !== undefined && applies(worker);
    const step = attempt(0n, () => {
      assert(sender === this.#operator, 'enclave_registry::ENotOperator');
      if (changed) this.#change(worker, status);
    });
    return { ...step, changed: step.changed && changed };
  }

  #stake(user: string): Stake {
    const stake = this.stakes.get(user);
    assert(stake !== undefined, 'staking::ENoAccount');
    return stake!;
  }

  #account(owner: string): Account {
    const account = this.accounts.get(owner) ?? { fees: 0n, open: 0 };
    this.accounts.set(owner, account);
    return account;
  }
}

function copyEntries<T extends object>(from: Map<string, T>, to: Map<string, T>, names: string[]): void {
  for (const name of names) {
    const entry = from.get(name);
    if (entry) to.set(name, { ...entry });
  }
}

/** @param work - gives what is paid out, if anything is */
function attempt(paidIn: bigint, work: () => unknown): Step {
  try {
    const paidOut = work();
    return { outcome: 'ok', paidIn, paidOut: typeof paidOut === 'bigint' ? paidOut : 0n, changed: true };
  } catch (error) {
    if (!(error instanceof Abort)) throw error;
    return { outcome: error.message, paidIn: 0n, paidOut: 0n, changed: false };
  }
}

function hasToken({ tokenExpiresAtMs }: Worker, nowMs: number): boolean {
  return nowMs < tokenExpiresAtMs;
}

function hasEnded({ status }: Worker): boolean {
  return status === SLASHED || status === LEFT;
}

function add(stake: Stake, amount: bigint): void {
  assert(amount > 0n, 'stake::EZeroAmount');
  stake.bonded += amount;
}

function unbond(stake: Stake, amount: bigint, nowMs: number): void {
  assert(amount > 0n, 'stake::EZeroAmount');
  assert(amount <= stake.bonded, 'stake::ENotEnoughStake');
  stake.bonded -= amount;
  stake.unbonding += amount;
  stake.unbondsAtMs = nowMs + UNBONDING_MS;
}

function withdraw(stake: Stake, nowMs: number): bigint {
  assert(stake.unbonding > 0n, 'stake::ENothingRequested');
  assert(nowMs >= stake.unbondsAtMs, 'stake::EStillUnbonding');
  const amount = stake.unbonding;
  stake.unbonding = 0n;
  return amount;
}
