import { decodeCoseSign1 } from '@daasvader/attestation/cose.ts';
import { decodeDocument } from '@daasvader/attestation/document.ts';
import type { Logger } from '../log.ts';
import type { Nsm } from '../nsm/nsm.ts';
import { setTime } from './system.ts';

/** Less is the time that the question takes. */
const MAX_SKEW_MS = 1_000;
const INTERVAL_MS = 10_000;

/**
 * Sets the machine's clock by the time that the security module puts into its documents. The kernel's own clock is what
 * the processor's counter and a starved machine make of it.
 *
 * @returns by how much the clock was wrong, in ms; 0 when it was left alone
 */
export async function setClock(nsm: Nsm): Promise<number> {
  const { payload } = decodeCoseSign1(Uint8Array.from(await nsm.attest({})));
  const { timestamp } = decodeDocument(payload);
  const skew = Date.now() - timestamp;
  if (Math.abs(skew) <= MAX_SKEW_MS) return 0;
  setTime(timestamp);
  return skew;
}

/** Goes on setting the clock for as long as the process lives. */
export function keepClock(nsm: Nsm, log: Logger): void {
  const timer = setInterval(async () => {
    const skew = await setClock(nsm);
    if (skew !== 0) log.warn({ skew }, 'the clock was wrong and has been set');
  }, INTERVAL_MS);
  timer.unref();
}
