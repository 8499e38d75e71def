/**
 * - `unreachable`: no answer, which says nothing about the other side
 * - `refused`: the enclave's API said no
 * - `malformed`: an answer is not what the interface says
 * - `check`: the control plane is not the one in the seat
 * - `tls_key`: a connection ended at another TLS key than before
 * - `chain`: the full node serves another chain or another cluster than the one we were given
 */
export type ControlPlaneErrorCode = 'unreachable' | 'refused' | 'malformed' | 'check' | 'tls_key' | 'chain';

/** What accompanies an error about the control plane. */
export interface ControlPlaneErrorOptions extends ErrorOptions {
  expected?: string;
  actual?: string;
}

/** Error in dealing with the control plane; match on `code`. */
export class ControlPlaneError extends Error {
  readonly code: ControlPlaneErrorCode;
  readonly expected: string | undefined;
  readonly actual: string | undefined;

  constructor(code: ControlPlaneErrorCode, message: string, options: ControlPlaneErrorOptions = {}) {
    super(message, options);
    this.name = 'ControlPlaneError';
    this.code = code;
    this.expected = options.expected;
    this.actual = options.actual;
  }
}
