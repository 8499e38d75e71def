/** `dependency`: something outside the package and the framework is asked for; the others name the failing stage. */
export type MoveErrorCode = 'dependency' | 'compile' | 'test';

/** A Move package that does not build or cannot be tested. The message holds the compiler's diagnostics. */
export class MoveError extends Error {
  readonly code: MoveErrorCode;

  constructor(code: MoveErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MoveError';
    this.code = code;
  }
}
