/** How long workloads run on after the role of their owner fell below what their namespace takes, in ms: 24 hours. */
export const GRACE_MS = 24 * 3_600_000;
/** How long a namespace is kept for an owner who comes back, in ms: as long as a stake takes to leave (`stake.move`), 7 days. */
export const KEPT_MS = 7 * 24 * 3_600_000;

/**
 * How things stand with a namespace. `held`: its owner's role is enough for it. It was and is no more: for a `grace` all
 * runs on, then it is `suspended`, without pods, and at last it is `gone` with all that was in it.
 */
export type Phase = 'held' | 'grace' | 'suspended' | 'gone';

/** Since when a namespace is somebody's, and since when that one's role is not enough for it. In ms of the chain's time. */
export class Tenure {
  #sinceMs: number | undefined;
  #lostAtMs: number | undefined;

  /** Since when what was ordered in it counts; undefined while it never was held. */
  get sinceMs(): number | undefined {
    return this.#sinceMs;
  }

  /** The role is enough. Whoever comes back too late begins anew. */
  hold(atMs: number): void {
    if (this.phase(atMs) === 'gone') this.#sinceMs = atMs;
    this.#lostAtMs = undefined;
  }

  /** The role is not enough. */
  lose(atMs: number): void {
    if (this.#sinceMs !== undefined) this.#lostAtMs ??= atMs;
  }

  phase(nowMs: number): Phase {
    if (this.#sinceMs === undefined) return 'gone';
    if (this.#lostAtMs === undefined) return 'held';
    const lostMs = nowMs - this.#lostAtMs;
    if (lostMs < GRACE_MS) return 'grace';
    return lostMs < KEPT_MS ? 'suspended' : 'gone';
  }
}
