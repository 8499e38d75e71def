import { reasonOf } from '@daasvader/chain/reason.ts';

/**
 * For a person: the message, what its causes add to it, the stable code where there is one, and what was compared.
 *
 * @param error anything that was thrown
 */
export function describeFailure(error: unknown): string {
  const code = codeOf(error);
  return `${reasonOf(error)}${code === undefined ? '' : ` [${code}]`}${describeComparison(error)}`;
}

/** The same for programs, as `--json` prints it. */
export function failureJson(error: unknown): object {
  const { expected, actual } = Object(error) as { expected?: unknown; actual?: unknown };
  return { ok: false, code: codeOf(error), message: reasonOf(error), expected, actual };
}

function codeOf(error: unknown): string | undefined {
  const { code } = Object(error) as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

function describeComparison(error: unknown): string {
  const { expected, actual } = Object(error) as { expected?: unknown; actual?: unknown };
  if (typeof expected !== 'string') return '';
  return `\n  expected ${expected}\n  saw      ${typeof actual === 'string' ? actual : 'nothing'}`;
}
