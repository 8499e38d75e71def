/** Paths of what the host serves to the enclave over HTTP, on the vsock ports `configuration` and `services`. */
export const HOST_ROUTE = {
  configuration: '/configuration',
  sponsor: '/gas/sponsor',
  seat: '/seat',
  events: '/events',
} as const;
