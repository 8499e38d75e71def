/**
 * - `deployment`: the deployment file is missing or not of its form
 * - `not_found`: an object that must exist does not
 * - `unreachable`: the full node gave no answer, which says nothing about the chain
 * - `answer`: the full node's answer is not of the expected form
 * - `abort`: a contract refused, see `abort`
 * - `execution`: the transaction failed for another reason
 * - `event`: bytes are not an event of the contracts
 * - `key`: a text is no Sui key that can be used, see the message
 */
export type ChainErrorCode =
  | 'deployment'
  | 'not_found'
  | 'unreachable'
  | 'answer'
  | 'abort'
  | 'execution'
  | 'event'
  | 'key';

/** Which error of which contract ended a transaction. */
export interface ContractAbort {
  module: string;
  code: number;
  /** The constant's name, such as `ENotOwner`; `unknown` for a module that is not ours. */
  name: string;
}

export interface ChainErrorOptions extends ErrorOptions {
  expected?: string;
  actual?: string;
  abort?: ContractAbort;
  /** Of the transaction, when it was executed. */
  digest?: string;
}

/** Every failure of the bindings. */
export class ChainError extends Error {
  readonly code: ChainErrorCode;
  readonly expected: string | undefined;
  readonly actual: string | undefined;
  readonly abort: ContractAbort | undefined;
  readonly digest: string | undefined;

  constructor(code: ChainErrorCode, message: string, options: ChainErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = 'ChainError';
    this.code = code;
    this.expected = options.expected;
    this.actual = options.actual;
    this.abort = options.abort;
    this.digest = options.digest;
  }
}
