import { printable, printableLines } from '@daasvader/attestation/printable.ts';
import type { ContractAbort } from '@daasvader/chain/error.ts';
import { reasonOf } from '@daasvader/program/reason.ts';

/** What to do when a contract refuses, where its error does not say it. */
export const ADVICE: Readonly<Record<string, string>> = {
  'gate::EOldPackage':
    "the contracts were upgraded: get the cluster's new deployment file, or put the package that daas status shows into yours as packageId",
  'hourly::ETooManyThisHour': 'each account may do so much in an hour; try again in the next one',
  'fees::EFeeUnpaid': 'daas fees show tells what an order costs, daas fees deposit pays in advance',
  'request::EBadTransition': 'a request has ended meanwhile, so none was cancelled; try again',
  'request::ETooEarly':
    'only requests that are done are pruned: at once by who ordered them, by others a week later; daas requests shows them',
  'k8s_scheduler::EBadNamespace':
    'daas namespace list shows your namespaces; in those of others you need a role (daas role)',
  'k8s_scheduler::ENoActiveWorker': 'daas status tells how many workers are active; order when there is one',
  'k8s_scheduler::ERoleTooLow':
    "ordering takes the role developer: add to your stake (daas stake), or have the namespace's owner give you it (daas role)",
  'staking::ENoAccount': 'stake first: daas stake <sui>',
  'staking::ENotAdmin': 'this takes the role admin: daas stake adds to your stake',
  'worker_registry::EBadProof':
    "these are no two joins under one counter, signed with the worker's identity key of now",
  'k8s_scheduler::ENotEnoughFees': 'daas fees show tells what is left',
  'k8s_scheduler::ENotRequester':
    'only the wallet that asked, or the owner of the namespace, cancels a request',
  'k8s_scheduler::ETooManyPending': 'daas requests shows what is open, daas cancel calls it off',
  'stake::ENothingRequested': 'ask for an amount back first: daas unstake <sui>',
  'stake::EStillUnbonding': 'stake waits a week after it was asked back; take it out then',
  'upgrades::ENotProposed':
    'daas admin propose-upgrade comes first; when it was carried out already, put the package that daas status shows into the deployment file',
  'upgrades::ENotYet': 'daas admin proposals shows from when on',
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

/** What to do when a contract refused; undefined where its error says it. */
export function adviceOf(error: unknown): string | undefined {
  const { abort } = Object(error) as { abort?: ContractAbort };
  return abort && ADVICE[`${abort.module}::${abort.name}`];
}
