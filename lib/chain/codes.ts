/** What the contracts number, by the names of their constants. */

/** A worker's status (`worker_registry`). */
export const WORKER_STATUS = { pending: 0, active: 1, slashed: 2, offline: 3, draining: 4, left: 5 } as const;
export type WorkerStatus = keyof typeof WORKER_STATUS;

/** A request's status (`k8s_scheduler`). */
export const REQUEST_STATUS = { pending: 0, running: 1, completed: 2, failed: 3, cancelled: 4 } as const;
export type RequestStatus = keyof typeof REQUEST_STATUS;

/** What became of a cancelled request: nothing of it was applied, what it created was removed, what it changed stays. */
export const CANCELLATION_OUTCOME = { nothing: 0, removed: 1, stays: 2 } as const;
export type CancellationOutcome = keyof typeof CANCELLATION_OUTCOME;

/** What a stake gives (`role_stakes`); whoever has a role may do what those below it may. */
export const ROLE = { none: 0, viewer: 1, developer: 2, admin: 3, super: 4 } as const;
export type Role = keyof typeof ROLE;

/** The name of a number in one of these tables; undefined for a number that it does not have. */
export function codeName<K extends string>(codes: Readonly<Record<K, number>>, code: number): K | undefined {
  return (Object.keys(codes) as K[]).find((name) => codes[name] === code);
}
