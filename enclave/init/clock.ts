import { decodeCoseSign1 } from '@daasvader/attestation/cose.ts';
import { decodeDocument } from '@daasvader/attestation/document.ts';
import type { Logger } from '../log.ts';
import type { Nsm } from '../nsm/nsm.ts';
import { repeat } from '../repeat.ts';
import { setTime } from './system.ts';

/** Less is not worth setting; what the question took comes on top. */
const MAX_SKEW_MS = 1_000;
const INTERVAL_MS = 10_000;
/** Between two answers the module's clock runs as the processor's counter does, but for what the questions take. */
const MAX_JUMP_MS = 60_000;

/** The machine's wall clock, in ms since 1970. */
export interface WallClock {
  now(): number;
  set(time: number): void;
}

const MACHINE: WallClock = { now: Date.now, set: setTime };

/**
 * Sets the machine's clock by the time that the security module puts into its documents. The kernel's own clock is what
 * the processor's counter and a starved machine make of it.
 *
 * @returns by how much the clock was wrong, in ms; 0 when it was left alone
 */
export async function setClock(nsm: Nsm, clock = MACHINE): Promise<number> {
  return correct(clock, await timeOf(nsm));
}

/**
 * Goes on setting the clock for as long as the process lives. A module that fails or hangs is asked again, one question
 * at a time, while the clock runs on by itself.
 *
 * A module whose own time jumps, forwards or backwards, is followed, and that is logged as an error: it is the one clock
 * that the host cannot set, and documents and certificates are dated by it.
 *
 * @returns stops it
 */
export function keepClock(nsm: Nsm, log: Logger, clock = MACHINE): () => void {
  let before: { time: number; at: number } | undefined;
  const keep = async () => {
    const told = await timeOf(nsm);
    const { time } = told;
    const at = performance.now();
    const jumpMs = before === undefined ? 0 : Math.round(time - before.time - (at - before.at));
    before = { time, at };
    if (Math.abs(jumpMs) > MAX_JUMP_MS)
      log.error({ jumpMs, time }, "the security module's own clock jumped, and is followed");
    const skew = correct(clock, told);
    if (skew !== 0) log.warn({ skew }, 'the clock was wrong and has been set');
  };
  return repeat(keep, INTERVAL_MS, ({ message }) =>
    log.error({ error: message }, 'cannot keep the clock now: asking the security module again'),
  );
}

/** What the module said, and how long ago at most: an answer waits while this process is busy. */
interface Told {
  readonly time: number;
  readonly tookMs: number;
}

async function timeOf(nsm: Nsm): Promise<Told> {
  const asked = performance.now();
  const { payload } = decodeCoseSign1(Uint8Array.from(await nsm.attest({})));
  const tookMs = performance.now() - asked;
  return { time: decodeDocument(payload).timestamp, tookMs };
}

function correct(clock: WallClock, { time, tookMs }: Told): number {
  const skew = clock.now() - time;
  if (skew >= -MAX_SKEW_MS && skew <= MAX_SKEW_MS + tookMs) return 0;
  clock.set(time);
  return skew;
}
