/** Why an emulated machine cannot be made, started or kept running; stable, callers match on it. */
export type EmulatorErrorCode =
  | 'build' // testbed/nitro/build failed; it said why on standard error
  | 'tool-missing' // a program that the machine runs is not there
  | 'image' // the image cannot be read
  | 'memory' // less memory than Nitro demands for this image
  | 'in-use' // another machine holds the vsock path or the directory
  | 'start'; // the vsock device did not come up

/** The one error class of the emulator. */
export class EmulatorError extends Error {
  override readonly name = 'EmulatorError';
  readonly code: EmulatorErrorCode;

  constructor(code: EmulatorErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
