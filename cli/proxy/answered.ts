import { setTimeout as sleep } from 'node:timers/promises';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import { z } from 'zod';
import { type Answer, Refusal } from './status.ts';
import type { Upstream } from './upstream.ts';

/** How long the enclave is asked to wait, in s. */
const WAIT_SECONDS = 10;
const RETRY_MS = 500;

const told = z.discriminatedUnion('state', [
  z.object({ state: z.literal('pending') }),
  z.object({
    state: z.literal('answered'),
    status: z.int().min(200).max(599),
    warnings: z.array(z.string()).max(1_000),
    contentType: z.string().regex(/^[\x20-\x7e]{0,256}$/),
    body: z.base64(),
  }),
]);

/**
 * What Kubernetes answered to an order, as soon as the enclave knows; an enclave that is away is asked again.
 *
 * @param elsewhere finds out in another way, where the enclave does not know
 * @param signal ends the waiting
 * @returns undefined when it is not known in time
 */
export async function answeredTo(
  upstream: Upstream,
  requestId: bigint,
  elsewhere: () => Promise<Answer | undefined>,
  signal: AbortSignal,
): Promise<Answer | undefined> {
  while (!signal.aborted) {
    const answer = (await ask(upstream, requestId, signal)) ?? (await elsewhere());
    if (answer !== undefined) return answer;
    await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
  }
  return undefined;
}

async function ask(upstream: Upstream, requestId: bigint, signal: AbortSignal): Promise<Answer | undefined> {
  const path = `${ROUTE.orderAnswer}?request=${requestId}&wait=${WAIT_SECONDS}`;
  try {
    const { response, body } = await upstream.askWhole({ method: 'GET', path, signal });
    if (response.statusCode !== 200) return undefined; // it restarted and has forgotten, or has much to do
    const answer = told.parse(JSON.parse(body.toString('utf8')));
    return answer.state === 'pending' ? undefined : { ...answer, body: Buffer.from(answer.body, 'base64') };
  } catch (error) {
    if (signal.aborted || error instanceof Refusal) return undefined;
    throw new Refusal(
      503,
      `daas: Cannot read what became of request ${requestId}; look with daas requests ${requestId}`,
      {
        cause: error,
      },
    );
  }
}
