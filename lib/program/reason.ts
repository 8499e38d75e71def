/**
 * What went wrong, for people: the message, and whatever its causes add to it. "fetch failed" alone helps nobody; the
 * address and the errno stand in its causes.
 *
 * @param error anything that was thrown
 */
export function reasonOf(error: unknown): string {
  return tell(error, new Set());
}

/** @param told the errors whose cause this is: one that causes itself is told once */
function tell(error: unknown, told: ReadonlySet<unknown>): string {
  if (!(error instanceof Error)) return String(error);
  const causes: unknown[] = error instanceof AggregateError ? error.errors : [error.cause];
  const path = new Set([...told, error]);
  return causes
    .filter((cause) => cause !== undefined && !path.has(cause))
    .map((cause) => tell(cause, path))
    .reduce((text, cause) => (text.includes(cause) ? text : `${text}: ${cause}`), ownWords(error));
}

/** An error that gathers others may have no words of its own, only a code. */
function ownWords({ message, name, ...rest }: Error): string {
  const { code } = rest as { code?: unknown };
  return message || (typeof code === 'string' ? code : name);
}
