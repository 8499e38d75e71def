/** Stable reason of a refusal. */
export type SealCode = 'seal_public_key' | 'seal_private_key' | 'sealed_too_short' | 'seal_open';

/** A message that cannot be sealed or opened. Callers match on `code`. */
export class SealError extends Error {
  override readonly name = 'SealError';
  readonly code: SealCode;

  constructor(code: SealCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
