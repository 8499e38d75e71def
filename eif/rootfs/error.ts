/** Why the image's file system cannot be put together; stable, callers match on it. */
export type RootfsErrorCode =
  | 'import' // a source imports what does not exist or what must not be in the image
  | 'package' // an npm package that the sources need is not installed
  | 'tool'; // a program of the build failed

/** A part of the image that cannot be had. */
export class RootfsError extends Error {
  readonly code: RootfsErrorCode;

  constructor(code: RootfsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RootfsError';
    this.code = code;
  }
}
