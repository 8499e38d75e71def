/**
 * - `file`: a file of the person's own cannot be read, used or written
 * - `kubernetes`: Kubernetes said no, or nothing
 * - `not_found`: what was named is not on chain
 * - `testbed`: what only a clone of the repository has is not here
 * - `cluster`: what was kept of the cluster is over, and new from now on
 * - `wallet`: it is not clear whose key signs, or that key cannot
 * - `walrus`: Walrus does not take what was to be stored
 * - `wait`: what was ordered could not be seen in time
 */
export type CliErrorCode =
  | 'cluster'
  | 'file'
  | 'kubernetes'
  | 'not_found'
  | 'testbed'
  | 'wallet'
  | 'walrus'
  | 'wait';

/** What goes wrong on this side; what others refuse keeps its own error. Match on `code`. */
export class CliError extends Error {
  readonly code: CliErrorCode;

  constructor(code: CliErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CliError';
    this.code = code;
  }
}
