/** What kept this machine from becoming an enclave; stable, callers match on it. */
export type InitErrorCode =
  | 'system-call' // the kernel refused something that an enclave's kernel grants
  | 'command-line' // the kernel's command line has a parameter of ours that is wrong
  | 'resources'; // too few vCPUs or too little memory

/** Why PID 1 cannot go on; it ends the machine. */
export class InitError extends Error {
  readonly code: InitErrorCode;

  constructor(code: InitErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'InitError';
    this.code = code;
  }
}
