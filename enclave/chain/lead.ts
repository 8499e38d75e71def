import { setTimeout as sleep } from 'node:timers/promises';
import { takeLead } from '@daasvader/chain/calls/lead.ts';
import { type Act, beginAct, type OperatorIds } from '@daasvader/chain/calls/operator.ts';
import { reasonOf } from '@daasvader/program/reason.ts';
import type { Transaction } from '@mysten/sui/transactions';
import { EnclaveError } from '../error.ts';
import type { Logger } from '../log.ts';
import { within } from '../within.ts';
import { ChainRefusal } from './chain-refusal.ts';
import type { Operator } from './operator.ts';
import type { Registry } from './registry.ts';
import type { Standing } from './standing.ts';

/**
 * For how long what the operator signs may be held back, in ms of the chain's clock: longer than any attempt of ours,
 * and no more than five minutes, which the contract allows.
 */
export const NOT_AFTER_MS = 120_000;

const LOOK_MS = 100;
/** Between two attempts: each that the chain refuses costs the host's gas. */
const AGAIN_MS = 5_000;
/** How long one attempt may take before the next one is made. */
const ATTEMPT_MS = 30_000;

/** Resolves when the chain proves that this enclave is seated, or when `signal` fires. */
export async function untilSeated(standing: Standing, signal: AbortSignal): Promise<void> {
  while (standing.host === undefined && !signal.aborted)
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
}

/**
 * Resolves when `signal` fires.
 *
 * @throws {EnclaveError} `registration` as soon as the chain proves that this enclave may not act any more
 */
export async function whileInOffice(standing: Pick<Standing, 'lost'>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    assertInOffice(standing);
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** @throws {EnclaveError} `registration` when this enclave may not act any more */
export function assertInOffice({ lost }: Pick<Standing, 'lost'>): void {
  if (lost !== undefined)
    throw new EnclaveError('registration', `Cannot go on: ${lost}; restart the enclave`);
}

/** What taking the lead needs. */
export interface LeadOptions {
  readonly operator: Pick<Operator, 'execute'>;
  readonly seat: OperatorIds;
  readonly registry: Registry;
  readonly standing: Standing;
  readonly log: Logger;
  /** Called with what it waits for, when that is something else than before. */
  readonly onWait: (what: string) => Promise<void>;
}

/**
 * Makes this enclave the one whose word counts, as soon as the chain would let it; resolves when the chain proves that it
 * leads. The term that it expects is the proven one, so an attempt that is held back does nothing once anybody else led.
 *
 * @throws {EnclaveError} `registration` when this enclave may not act any more; what `signal` says when it fires
 */
export async function lead(options: LeadOptions, signal: AbortSignal): Promise<void> {
  const { registry, standing, onWait } = options;
  let waitedFor: string | undefined;
  let isTrying = false;
  for (let triedAt = Number.NEGATIVE_INFINITY; standing.term === undefined; ) {
    signal.throwIfAborted();
    assertInOffice(standing);
    const what = standing.waitsFor;
    if (what !== undefined && what !== waitedFor) await onWait(what);
    waitedFor = what;
    if (what === undefined && !isTrying && performance.now() - triedAt > AGAIN_MS) {
      isTrying = true;
      void tryToLead(options, registry.term).finally(() => {
        isTrying = false;
        triedAt = performance.now();
      });
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** What the chain made of it shows in its log, and nowhere else; does not fail. */
async function tryToLead({ operator, seat, log }: LeadOptions, term: bigint): Promise<void> {
  try {
    const trying = operator.execute((tx) => takeLead(tx, seat, term));
    const { digest } = await within(ATTEMPT_MS, trying, 'Cannot take the lead: ');
    log.info({ digest, term: `${term + 1n}` }, 'chain: take the lead');
  } catch (error) {
    const kind = error instanceof ChainRefusal ? 'the chain refused' : 'no answer';
    log.warn(
      { error: reasonOf(error) },
      `chain: cannot take the lead in term ${term}: ${kind}, trying again`,
    );
  }
}

/**
 * Begins a transaction of the operator's: it counts while this enclave leads in its term, and not for long.
 *
 * @param nowMs by the chain's clock, ms since 1970
 * @throws {EnclaveError} `registration` while this enclave does not lead
 */
export function beginInTerm(tx: Transaction, seat: OperatorIds, { term }: Standing, nowMs: number): Act {
  if (term === undefined)
    throw new EnclaveError('registration', 'Cannot speak as the operator: this enclave does not lead');
  return beginAct(tx, seat, { term, notAfterMs: BigInt(Math.floor(nowMs)) + BigInt(NOT_AFTER_MS) });
}
