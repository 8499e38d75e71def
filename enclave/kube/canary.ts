import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { V1ConfigMap } from '@kubernetes/client-node';
import { EnclaveError } from '../error.ts';
import type { Gate } from '../gate.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { within } from '../within.ts';
import { type Kubernetes, reasonOf } from './kubernetes.ts';

const INTERVAL_MS = 2_000;
/** A healthy round takes 10 ms; a server that is busy with a whole cluster's restart some seconds. */
const ANSWER_MS = 5_000;
/** Rounds that fail in a row before nobody may act: one may meet the server's own restart. */
const MAX_FAILURES = 3;
/** From the last good round until the server is started again. */
const PATIENCE_MS = 60_000;
/** How long the server may take to come back before it is started once more; as long as at the boot. */
const RESTART_MS = 180_000;

const REFERENCE = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'canary', namespace: 'kube-system' },
};

/** What the canary needs. */
export interface CanaryOptions {
  readonly kubernetes: Pick<Kubernetes, 'apply' | 'read'>;
  /** Ends the server, which is then started again. */
  readonly restart: () => Promise<void>;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** A clock in ms that nobody sets. */
  readonly now?: () => number;
  readonly intervalMs?: number;
  readonly answerMs?: number;
  readonly patienceMs?: number;
}

/**
 * Whether what is written to Kubernetes is kept: every other second a small object is written and read back from the
 * datastore. While that fails nobody may act, and a server that does not come to itself is started again.
 */
export class Canary implements Gate {
  readonly #options: Required<CanaryOptions>;
  #failures = 0;
  #cause = '';
  #goodAt: number;
  #patienceEndsAt: number;

  constructor(options: CanaryOptions) {
    const defaults = {
      now: () => performance.now(),
      intervalMs: INTERVAL_MS,
      answerMs: ANSWER_MS,
      patienceMs: PATIENCE_MS,
    };
    this.#options = { ...defaults, ...options };
    this.#goodAt = this.#options.now();
    this.#patienceEndsAt = this.#goodAt + this.#options.patienceMs;
  }

  /** Why nobody may act now; undefined when one may. */
  get reason(): string | undefined {
    if (this.#failures < MAX_FAILURES) return undefined;
    const seconds = Math.round((this.#options.now() - this.#goodAt) / 1_000);
    return `Kubernetes has kept nothing that was written for ${seconds} s: ${this.#cause}`;
  }

  /** @throws {EnclaveError} `k3s` while nobody may act */
  readonly assert = (): void => {
    const { reason } = this;
    if (reason !== undefined) throw new EnclaveError('k3s', `Cannot act: ${reason}; try again later`);
  };

  /** Writes and reads back until `signal` fires. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.round();
      await sleep(this.#options.intervalMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Writes and reads back once, and acts upon what comes of it. */
  async round(): Promise<void> {
    const { metrics, log, now, patienceMs } = this.#options;
    const startedAt = now();
    try {
      // What comes late counts as failed; the object that it writes then is overwritten by the next round.
      await within(this.#options.answerMs, this.#writeAndRead());
      if (this.#failures >= MAX_FAILURES)
        log.info('canary: Kubernetes keeps what is written again: going on');
      this.#failures = 0;
      this.#goodAt = now();
      this.#patienceEndsAt = this.#goodAt + patienceMs;
      metrics.canarySeconds.set((now() - startedAt) / 1_000);
    } catch (error) {
      this.#cause = reasonOf(error);
      this.#failures += 1;
      metrics.canaryFailures.inc();
      log.error({ failures: this.#failures, error: this.#cause }, 'canary: Kubernetes keeps nothing');
      this.#restartWhenDue();
    }
  }

  async #writeAndRead(): Promise<void> {
    const { kubernetes } = this.#options;
    const nonce = randomUUID();
    await kubernetes.apply<V1ConfigMap>({ ...REFERENCE, data: { nonce } });
    // Without a resource version a read is answered by the datastore, not by the API server's memory of it.
    const kept = await kubernetes.read<V1ConfigMap>(REFERENCE);
    if (kept?.data?.nonce !== nonce) throw new Error('what was just written is not there');
  }

  /** The rounds go on meanwhile: they tell whether it has helped. */
  #restartWhenDue(): void {
    const { now, log, restart } = this.#options;
    if (now() < this.#patienceEndsAt) return;
    this.#patienceEndsAt = now() + RESTART_MS;
    log.error({ error: this.#cause }, 'canary: starting Kubernetes again');
    restart().catch((error: unknown) =>
      log.error({ error: reasonOf(error) }, 'canary: cannot start Kubernetes again'),
    );
  }
}
