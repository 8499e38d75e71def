import { printable, printableLines } from '@daasvader/attestation/printable.ts';

/**
 * For a person: the message, what its causes add to it, the stable code where there is one, and what was compared.
 *
 * @param error anything that was thrown
 */
export function describeFailure(error: unknown): string {
  const code = codeOf(error);
  const shown = code === undefined ? '' : ` [${printable(code)}]`;
  return `${printableLines(messageOf(error))}${shown}${describeComparison(error)}`;
}

/** The same for programs, as `--json` prints it. */
export function failureJson(error: unknown): object {
  const { expected, actual } = Object(error) as { expected?: unknown; actual?: unknown };
  return { ok: false, code: codeOf(error), message: messageOf(error), expected, actual };
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause === undefined) return error.message;
  const cause = messageOf(error.cause);
  return error.message.includes(cause) ? error.message : `${error.message}: ${cause}`;
}

function codeOf(error: unknown): string | undefined {
  const { code } = Object(error) as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

function describeComparison(error: unknown): string {
  const { expected, actual } = Object(error) as { expected?: unknown; actual?: unknown };
  if (typeof expected !== 'string') return '';
  const saw = typeof actual === 'string' ? actual : 'nothing';
  return `\n  expected ${printable(expected)}\n  saw      ${printable(saw)}`;
}
