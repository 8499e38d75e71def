/** Why something that a full node told is refused; stable, callers match on it. */
export type CheckpointErrorCode =
  | 'malformed' // bytes are not what they are said to be
  | 'order' // a checkpoint is not the one after the last
  | 'link' // a checkpoint does not name the one before it
  | 'epoch' // a certificate is of another epoch than the committee
  | 'signers' // the signers are not members of the committee, or not told as Sui tells them
  | 'quorum' // the signers hold too little voting power
  | 'signature' // the signers did not sign this
  | 'committee' // these are not the validators that were expected
  | 'contents' // contents are not those of the checkpoint
  | 'effects' // effects are not those that the contents name
  | 'events' // events are not those that the effects name
  | 'object'; // an object is not the one that the effects name

/** What was compared and what caused it. */
export interface CheckpointErrorOptions extends ErrorOptions {
  readonly expected?: unknown;
  readonly actual?: unknown;
}

/** The one error class of this library. */
export class CheckpointError extends Error {
  readonly code: CheckpointErrorCode;
  readonly expected?: unknown;
  readonly actual?: unknown;

  constructor(code: CheckpointErrorCode, message: string, options: CheckpointErrorOptions = {}) {
    super(message, options);
    this.name = 'CheckpointError';
    this.code = code;
    this.expected = options.expected;
    this.actual = options.actual;
  }
}
