import { decodeCoseSign1 } from '@daasvader/attestation/cose.ts';
import { decodeDocument } from '@daasvader/attestation/document.ts';
import type { Nsm } from '../nsm/nsm.ts';
import { InitError } from './error.ts';

/** Certificates and leases bear minutes of skew, not more. */
const MAX_SKEW_MS = 60_000;

/**
 * Compares the machine's clock with the time that the security module puts into its documents. The host has a hand in
 * the former only. The chain's time is compared later, with every heartbeat.
 *
 * @throws InitError `clock`
 */
export async function checkClock(nsm: Nsm): Promise<void> {
  const { payload } = decodeCoseSign1(Uint8Array.from(await nsm.attest({})));
  const { timestamp } = decodeDocument(payload);
  const skew = Date.now() - timestamp;
  if (Math.abs(skew) <= MAX_SKEW_MS) return;
  const times = `${new Date().toISOString()} here, ${new Date(timestamp).toISOString()} there`;
  throw new InitError(
    'clock',
    `Cannot trust the clock: it differs from the security module's by ${skew} ms: ${times}`,
  );
}
