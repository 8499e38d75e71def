/** Why the host proxy cannot do something; stable, callers and scripts match on it. */
export type HostProxyErrorCode =
  | 'config' // the configuration file is missing, malformed or has unknown keys
  | 'port-taken' // another process listens on an address it needs
  | 'key' // the host account's key cannot be used
  | 'request' // the enclave asked for something malformed
  | 'refused' // the enclave asked for something the host does not do
  | 'fails' // the transaction would fail if it were executed now
  | 'budget' // the gas budget is used up
  | 'conflict' // an event does not continue the stored log
  | 'store' // the event log on disk cannot be read or written
  | 'nitro-cli' // nitro-cli is missing or refused
  | 'chain'; // the chain could not be asked or refused a transaction

/** What caused it, and where. */
export interface HostProxyErrorOptions extends ErrorOptions {
  readonly command?: number | undefined;
}

/** The one error class of the host proxy. */
export class HostProxyError extends Error {
  readonly code: HostProxyErrorCode;
  /** Number of the command that would fail, from 0, where the full node tells it. */
  readonly command: number | undefined;

  constructor(code: HostProxyErrorCode, message: string, options?: HostProxyErrorOptions) {
    super(message, options);
    this.name = 'HostProxyError';
    this.code = code;
    this.command = options?.command;
  }
}
