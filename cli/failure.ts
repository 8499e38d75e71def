import { printable, printableLines } from '@daasvader/attestation/printable.ts';
import type { ContractAbort } from '@daasvader/chain/error.ts';
import { reasonOf } from '@daasvader/program/reason.ts';

/** What to do when a contract refuses, where its error does not say it. */
const ADVICE: Readonly<Record<string, string>> = {
  'k8s_scheduler::EBadTransition': 'a request has ended meanwhile, so none was cancelled; try again',
  'k8s_scheduler::ENotRequester':
    'only the wallet that asked, or the owner of the namespace, cancels a request',
  'k8s_scheduler::ETooManyPending': 'daas requests shows what is open, daas cancel calls it off',
};

/**
 * For a person: the message, what its causes add to it, the stable code where there is one, what was compared, and what
 * to do next.
 *
 * @param error anything that was thrown
 */
export function describeFailure(error: unknown): string {
  const code = codeOf(error);
  const shown = code === undefined ? '' : ` [${printable(code)}]`;
  return `${printableLines(reasonOf(error))}${shown}${describeComparison(error)}${describeAdvice(error)}`;
}

/** The same for programs, as `--json` prints it. */
export function failureJson(error: unknown): object {
  const { expected, actual } = Object(error) as { expected?: unknown; actual?: unknown };
  return {
    ok: false,
    code: codeOf(error),
    message: reasonOf(error),
    expected,
    actual,
    advice: adviceOf(error),
  };
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

function describeAdvice(error: unknown): string {
  const advice = adviceOf(error);
  return advice === undefined ? '' : `\n  ${advice}`;
}

function adviceOf(error: unknown): string | undefined {
  const { abort } = Object(error) as { abort?: ContractAbort };
  return abort && ADVICE[`${abort.module}::${abort.name}`];
}
