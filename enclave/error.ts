/** Why the enclave refused or could not go on; stable, callers match on it. */
export type EnclaveErrorCode =
  | 'configuration' // what the host sent is not a configuration
  | 'host' // a host service answered with an error or with nonsense
  | 'sponsor' // the host returned another transaction than the one it was asked to pay for
  | 'registration' // the chain did not register or seat this enclave
  | 'log-gap' // events are missing between the last one seen and this one
  | 'log-forged' // events do not add up to the head that the chain states
  | 'stale' // the newest word of the chain is too old to act upon
  | 'k3s' // the Kubernetes server did not become ready, left no usable files, or keeps nothing that is written
  | 'request' // a request on chain asks for something that is not allowed
  | 'join' // a worker may not join
  | 'credential'; // a user may not have a credential

/** What was compared and what caused it. */
export interface EnclaveErrorOptions extends ErrorOptions {
  readonly expected?: unknown;
  readonly actual?: unknown;
}

/** The one error class of the enclave process. */
export class EnclaveError extends Error {
  readonly code: EnclaveErrorCode;
  readonly expected?: unknown;
  readonly actual?: unknown;

  constructor(code: EnclaveErrorCode, message: string, options: EnclaveErrorOptions = {}) {
    super(message, options);
    this.name = 'EnclaveError';
    this.code = code;
    this.expected = options.expected;
    this.actual = options.actual;
  }
}
