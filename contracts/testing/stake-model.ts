/** What the contracts say about stake, written a second time without Move, tables or events. */

/** `ok`, or `module::EName`. */
export type Outcome = string;

/** MIST that came from the sender, and that went out to `to`. */
export interface Step {
  outcome: Outcome;
  paidIn: bigint;
  paidOut: bigint;
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

const [PENDING, ACTIVE, SLASHED, OFFLINE, DRAINING, LEFT] = [0, 1, 2, 3, 4, 5];
const DAY_MS = 86_400_000;
const MIN_WORKER = 5_000_000_000n;
const MIN_USER = 500_000_000n;
const TOKEN_MS = 30 * DAY_MS;
const UNBONDING_MS = 7 * DAY_MS;

class Abort extends Error {}

function assert(condition: boolean, name: string): void {
  if (!condition) throw new Abort(name);
}

/** Everything that holds stake in one cluster. Every operation takes its sender and the time. */
export class StakeModel {
  readonly workers = new Map<string, Worker>();
  readonly accounts = new Map<string, Stake>();
  forfeited = 0n;
  readonly #operator: string;

  constructor(operator: string) {
    this.#operator = operator;
  }

  /** MIST that the contracts must hold. */
  get total(): bigint {
    const stakes = [...this.workers.values(), ...this.accounts.values()];
    return stakes.reduce((sum, { bonded, unbonding }) => sum + bonded + unbonding, this.forfeited);
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
    return this.#state(sender, nodeId, (worker) => {
      const isWaiting = worker.status === PENDING || worker.status === OFFLINE;
      if (isWaiting && hasToken(worker, nowMs)) worker.status = ACTIVE!;
    });
  }

  setStatus(sender: string, nodeId: string, status: number, nowMs: number): Step {
    if (sender === this.#operator && ![ACTIVE, OFFLINE, DRAINING].includes(status))
      return attempt(0n, () => {
        assert(false, 'worker_registry::EBadStatus');
      });
    return this.#state(sender, nodeId, (worker) => {
      const applies =
        (worker.status === ACTIVE && status !== ACTIVE) ||
        (worker.status === OFFLINE && status === ACTIVE && hasToken(worker, nowMs));
      if (applies) worker.status = status;
    });
  }

  /** @param proof whether there are two signatures over one counter, and whether over different joins */
  slash(nodeId: string, proof: { isSigned: boolean; isDouble: boolean }): Step {
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
      if (worker.status !== LEFT) worker.status = SLASHED!;
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
      worker.status = DRAINING!;
    });
  }

  resume(nodeId: string, nowMs: number): Step {
    return attempt(0n, () => {
      const worker = this.#worker(nodeId);
      assert(worker.status === DRAINING, 'worker_registry::EBadTransition');
      assert(hasToken(worker, nowMs), 'worker_registry::ESealTokenExpired');
      worker.status = ACTIVE!;
    });
  }

  leave(nodeId: string): Step {
    return attempt(0n, () => {
      const worker = this.#worker(nodeId);
      assert(!hasEnded(worker), 'worker_registry::EBadTransition');
      worker.status = LEFT!;
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
      worker.status = PENDING!;
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
      assert(!this.accounts.has(user), 'staking::EAlreadyStaked');
      assert(amount >= MIN_USER, 'staking::EStakeTooSmall');
      this.accounts.set(user, { bonded: amount, unbonding: 0n, unbondsAtMs: 0 });
    });
  }

  restake(user: string, amount: bigint): Step {
    return attempt(amount, () => {
      add(this.#account(user), amount);
    });
  }

  requestWithdraw(user: string, amount: bigint, nowMs: number): Step {
    return attempt(0n, () => {
      unbond(this.#account(user), amount, nowMs);
    });
  }

  withdrawUser(user: string, nowMs: number): Step {
    return attempt(0n, () => {
      const account = this.#account(user);
      const amount = withdraw(account, nowMs);
      if (account.bonded === 0n) this.accounts.delete(user);
      return amount;
    });
  }

  #worker(nodeId: string): Worker {
    const worker = this.workers.get(nodeId);
    assert(worker !== undefined, 'worker_registry::EUnknownWorker');
    return worker!;
  }

  /** What the operator says about a worker; nothing happens where there is none. */
  #state(sender: string, nodeId: string, say: (worker: Worker) => void): Step {
    return attempt(0n, () => {
      assert(sender === this.#operator, 'enclave_registry::ENotOperator');
      const worker = this.workers.get(nodeId);
      if (worker !== undefined) say(worker);
    });
  }

  #account(user: string): Stake {
    const account = this.accounts.get(user);
    assert(account !== undefined, 'staking::ENoAccount');
    return account!;
  }
}

function attempt(paidIn: bigint, work: () => bigint | undefined): Step {
  try {
    return { outcome: 'ok', paidIn, paidOut: work() ?? 0n };
  } catch (error) {
    if (!(error instanceof Abort)) throw error;
    return { outcome: error.message, paidIn: 0n, paidOut: 0n };
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
