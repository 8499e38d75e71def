import { printable, printableLines } from '@daasvader/attestation/printable.ts';
import { ChainError } from '@daasvader/chain/error.ts';
import { reasonOf } from '@daasvader/program/reason.ts';
import { CheckError } from '@daasvader/verifier/checks.ts';
import { VerifierError } from '@daasvader/verifier/error.ts';
import { WorkerError } from './error.ts';

/** Lines for anything that went wrong: which check, what was expected, what was seen. */
export function failedLines(error: unknown): string {
  if (!isOurs(error)) return printableLines(`✗ ${reasonOf(error)}`);
  const name = error instanceof CheckError ? error.check : error.code;
  const compared =
    error.expected === undefined ? [] : [`  expected ${error.expected}`, `  saw      ${error.actual}`];
  return [printableLines(`✗ ${name}: ${reasonOf(error)}`), ...compared.map(printable)].join('\n');
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
  };
}

function isOurs(error: unknown): error is WorkerError | VerifierError | ChainError {
  return error instanceof WorkerError || error instanceof VerifierError || error instanceof ChainError;
}
