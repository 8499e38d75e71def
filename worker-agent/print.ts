import { printable, printableLines } from '@daasvader/attestation/printable.ts';
import { ChainError } from '@daasvader/chain/error.ts';
import { reasonOf } from '@daasvader/program/reason.ts';
import { CheckError } from '@daasvader/verifier/checks.ts';
import { VerifierError } from '@daasvader/verifier/error.ts';
import { WorkerError } from './error.ts';

/** What to do when a contract refuses, where its error does not say it. */
export const ADVICE: Readonly<Record<string, string>> = {
  'worker_registry::ENodeIdTaken': 'choose another node.id',
  'worker_registry::EStakeTooSmall': 'raise node.stake_amount, or what you add',
  'worker_registry::EBadTransition':
    'worker-agent status tells whether this worker is active, slashed or has left',
  'worker_registry::EStillStaked':
    'take the stake out first: worker-agent withdraw --request, and a week later worker-agent withdraw',
  'offer::ECapacityTooLarge':
    'each whole SUI at stake stands for 4000 thousandths of a CPU, 16384 MiB and 256 GiB; worker-agent stake adds to it',
  'stake::ENothingRequested': 'ask for it first: worker-agent leave, then worker-agent withdraw --request',
  'stake::EStillUnbonding': 'stake waits a week after it was asked for; take it out then',
  'hourly::ETooManyThisHour': 'a worker may do so much in an hour; try again in the next one',
};

/** Lines for anything that went wrong: which check, what was expected, what was seen. */
export function failedLines(error: unknown): string {
  if (!isOurs(error)) return printableLines(`✗ ${reasonOf(error)}`);
  const name = error instanceof CheckError ? error.check : error.code;
  const compared =
    error.expected === undefined
      ? []
      : [`  expected ${error.expected}`, `  saw      ${error.actual ?? 'nothing'}`];
  const advice = adviceOf(error);
  const more = advice === undefined ? compared : [...compared, `  ${advice}`];
  return [printableLines(`✗ ${name}: ${reasonOf(error)}`), ...more.map(printable)].join('\n');
}

/** The same for programs. */
export function failedJson(error: unknown): object {
  if (!isOurs(error)) return { ok: false, message: reasonOf(error) };
  const { code, expected, actual } = error;
  const message = reasonOf(error);
  return {
    ok: false,
    code,
    ...(error instanceof CheckError ? { check: error.check } : {}),
    message,
    expected,
    actual,
    advice: adviceOf(error),
  };
}

function adviceOf(error: unknown): string | undefined {
  const abort = error instanceof ChainError ? error.abort : undefined;
  return abort && ADVICE[`${abort.module}::${abort.name}`];
}

function isOurs(error: unknown): error is WorkerError | VerifierError | ChainError {
  return error instanceof WorkerError || error instanceof VerifierError || error instanceof ChainError;
}
