/** The gRPC status a {@link DevnetError} is answered with. */
export type DevnetErrorCode =
  | 'INVALID_ARGUMENT'
  | 'NOT_FOUND'
  | 'FAILED_PRECONDITION'
  | 'RESOURCE_EXHAUSTED'
  | 'UNIMPLEMENTED'
  | 'INTERNAL';

/** A request the chain refuses. A transaction that ran and failed is not one: it has effects. */
export class DevnetError extends Error {
  readonly code: DevnetErrorCode;

  constructor(code: DevnetErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DevnetError';
    this.code = code;
  }
}

/** Refuses by name something a full node has and this chain has not. */
export function unsupported(what: string): DevnetError {
  return new DevnetError('UNIMPLEMENTED', `${what} is not supported by this devnet`);
}
