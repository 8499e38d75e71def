/** Vsock ports of the host, on which it listens and the enclave dials. */
export const HOST_PORT = {
  /** A booted enclave says {@link PULSE} and hears it back. */
  pulse: 9000,
  /** HTTP: the configuration. */
  configuration: 9001,
  /** HTTP CONNECT to the outside world. */
  outbound: 9002,
  /** HTTP with JSON: who pays, seats and keeps events. */
  services: 9003,
  /** Bytes of the enclave's log. */
  console: 9004,
} as const;

/** Vsock ports of the enclave, on which it listens and the host dials; TLS ends behind both. */
export const ENCLAVE_PORT = { kubernetes: 6443, api: 8443 } as const;

/** The byte that a booted enclave says to its parent and expects back; AWS's own enclaves say it too. */
export const PULSE = 0xb7;
