/**
 * Stable reasons. `config`: the configuration cannot be used; `key`: a key file is missing, unreadable or another;
 * `k3s`: the k3s child failed; `taken`: the node id is registered to somebody else; `ended`: the worker was slashed or has
 * left.
 */
export type WorkerErrorCode = 'config' | 'key' | 'k3s' | 'taken' | 'ended';

/** What accompanies an error of the worker agent. */
export interface WorkerErrorOptions extends ErrorOptions {
  expected?: string;
  actual?: string;
}

/** Error of the worker agent; match on `code`. */
export class WorkerError extends Error {
  readonly code: WorkerErrorCode;
  readonly expected: string | undefined;
  readonly actual: string | undefined;

  constructor(code: WorkerErrorCode, message: string, options: WorkerErrorOptions = {}) {
    super(message, options);
    this.name = 'WorkerError';
    this.code = code;
    this.expected = options.expected;
    this.actual = options.actual;
  }
}
