/**
 * - `unreachable`: no answer, which says nothing about the other side
 * - `refused`: the enclave's API said no
 * - `malformed`: an answer is not what the interface says
 * - `check`: the control plane is not the one in the seat
 * - `tls_key`: a connection ended at another TLS key than before
 * - `chain`: the full node serves another chain or another cluster than the one we were given
 */
export type VerifierErrorCode = 'unreachable' | 'refused' | 'malformed' | 'check' | 'tls_key' | 'chain';

/** What accompanies such an error. */
export interface VerifierErrorOptions extends ErrorOptions {
  expected?: string;
  actual?: string;
}

/** What keeps us from verifying a control plane or from asking a verified one; match on `code`. */
export class VerifierError extends Error {
  readonly code: VerifierErrorCode;
  readonly expected: string | undefined;
  readonly actual: string | undefined;

  constructor(code: VerifierErrorCode, message: string, options: VerifierErrorOptions = {}) {
    super(message, options);
    this.name = 'VerifierError';
    this.code = code;
    this.expected = options.expected;
    this.actual = options.actual;
  }
}
