/** gRPC statuses by which a full node says that a transaction is not valid; sending it again cannot help. */
const REFUSALS = new Set(['INVALID_ARGUMENT', 'FAILED_PRECONDITION', 'NOT_FOUND', 'PERMISSION_DENIED']);

/** Whether the full node answered that it does not take the transaction; the client wraps its answer. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  return (typeof code === 'string' && REFUSALS.has(code)) || isRefusal(error.cause);
}
