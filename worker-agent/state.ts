import { EventEmitter } from 'node:events';
import { Counter, Gauge, Registry } from 'prom-client';
import { mayFollow, type Phase } from './phase.ts';

/** What the agent tells about itself. */
export interface Status {
  nodeId: string;
  phase: Phase;
  /** Boot id, in hex, of the enclave that was verified last. */
  bootId?: string | undefined;
  verifiedAt?: string | undefined;
  /** Why the phase is `refused`, or why the last attempt came to nothing. */
  problem?: string | undefined;
  reachable: boolean;
  /** Set when another root than AWS's is trusted. */
  root: 'AWS' | 'given';
}

/** The agent's state: changed by the daemon alone, read by health, metrics and status. */
export class AgentState extends EventEmitter<{ phase: [Phase] }> {
  readonly metrics = new Registry();
  readonly #status: Status;
  readonly #phase: Gauge;
  readonly #verifications: Counter;
  readonly #restarts: Counter;
  readonly #verified: Gauge;

  constructor(nodeId: string, root: Status['root']) {
    super();
    const registers = [this.metrics];
    this.#status = {
      nodeId,
      phase: 'verifying',
      reachable: false,
      root,
    };
    this.#phase = gauge('worker_phase', '1 for the phase that the agent is in', registers, ['phase']);
    this.#verified = gauge(
      'worker_verified_timestamp_seconds',
      'When the control plane last passed every check',
      registers,
    );
    this.#verifications = new Counter({
      name: 'worker_verifications_total',
      help: 'Verifications of the control plane by result',
      labelNames: ['result'],
      registers,
    });
    this.#restarts = new Counter({
      name: 'worker_k3s_starts_total',
      help: 'Starts of the k3s agent',
      registers,
    });
    this.#phase.set({ phase: 'verifying' }, 1);
  }

  get status(): Readonly<Status> {
    return this.#status;
  }

  /**
   * Enters a phase.
   * @throws Error when it may not follow: a mistake in the daemon, which must not go on
   */
  enter(phase: Phase): void {
    const { phase: from } = this.#status;
    if (from === phase) return;
    if (!mayFollow(from, phase)) throw new Error(`Cannot enter phase ${phase}: it may not follow ${from}`);
    this.#phase.set({ phase: from }, 0);
    this.#phase.set({ phase }, 1);
    this.#status.phase = phase;
    this.emit('phase', phase);
  }

  verified(bootId: string): void {
    Object.assign(this.#status, {
      bootId,
      verifiedAt: new Date().toISOString(),
      problem: undefined,
      reachable: true,
    });
    this.#verifications.inc({ result: 'passed' });
    this.#verified.setToCurrentTime();
  }

  failed(result: 'refused' | 'unreachable', problem: string): void {
    Object.assign(this.#status, { problem, reachable: result === 'refused' });
    this.#verifications.inc({ result });
  }

  started(): void {
    this.#restarts.inc();
  }
}

function gauge(name: string, help: string, registers: Registry[], labelNames: string[] = []): Gauge {
  return new Gauge({ name, help, registers, labelNames });
}
