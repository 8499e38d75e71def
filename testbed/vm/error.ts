/** What can go wrong with a worker VM. `exists`: the name is taken; `missing`: no such VM or network; `command`: a system tool failed; `stuck`: something would not go away. */
export type VmErrorCode = 'exists' | 'missing' | 'invalid' | 'command' | 'boot' | 'stuck';

/** Error of the worker-VM subsystem; match on `code`. */
export class VmError extends Error {
  readonly code: VmErrorCode;

  constructor(code: VmErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'VmError';
    this.code = code;
  }
}
