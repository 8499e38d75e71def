/**
 * For a person: the message, the messages of its causes, the stable code where there is one, and what was compared.
 *
 * @param error anything that was thrown
 */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? ` [${error.code}]` : '';
  const cause = error.cause === undefined ? '' : `: ${describeFailure(error.cause)}`;
  return `${error.message}${cause}${code}${describeComparison(error)}`;
}

function describeComparison(error: Error): string {
  const { expected, actual } = error as { expected?: unknown; actual?: unknown };
  if (typeof expected !== 'string') return '';
  return `\n  expected ${expected}\n  saw      ${typeof actual === 'string' ? actual : 'nothing'}`;
}
