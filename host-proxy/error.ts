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

/** The one error class of the host proxy. */
export class HostProxyError extends Error {
  readonly code: HostProxyErrorCode;

  constructor(code: HostProxyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'HostProxyError';
    this.code = code;
  }
}
