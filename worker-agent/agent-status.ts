import { readFile } from 'node:fs/promises';
import { reasonOf } from '@daasvader/program/reason.ts';
import { Agent, request } from 'undici';
import { z } from 'zod';
import type { WorkerConfig } from './config.ts';
import { WorkerError } from './error.ts';
import { PHASES } from './phase.ts';
import type { Status } from './state.ts';

/** Where the agent says it. */
export const STATUS_PATH = '/status';
/** The agent is on this machine; one that does not answer for so long does not work. */
const ANSWER_MS = 5_000;
/** Far above what it says. */
const MAX_BYTES = 64 << 10;

const answer: z.ZodType<Status> = z.object({
  nodeId: z.string(),
  phase: z.enum(PHASES),
  bootId: z.string().optional(),
  verifiedAt: z.string().optional(),
  problem: z.string().optional(),
  reachable: z.boolean(),
  root: z.enum(['AWS', 'given']),
});

/**
 * What the agent on this machine says of itself; undefined when none runs.
 *
 * @throws WorkerError `config` when whoever has its port is no agent or does not answer
 */
export async function agentStatus({ node, security }: WorkerConfig): Promise<Status | undefined> {
  const scheme = security.tls_cert === undefined ? 'http' : 'https';
  // On loopback the certificate's names do not apply; that it is ours does.
  const ca = security.tls_cert === undefined ? undefined : await readFile(security.tls_cert);
  const dispatcher = new Agent({
    connect: { ca, checkServerIdentity: () => undefined },
    maxResponseSize: MAX_BYTES,
  });
  const signal = AbortSignal.timeout(ANSWER_MS);
  try {
    const { body } = await request(`${scheme}://127.0.0.1:${node.port}${STATUS_PATH}`, {
      dispatcher,
      signal,
    });
    return answer.parse(await body.json());
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ECONNREFUSED') return undefined;
    const why =
      cause instanceof z.ZodError || cause instanceof SyntaxError
        ? 'another program has it'
        : reasonOf(cause);
    throw new WorkerError('config', `Cannot ask the agent on port ${node.port}: ${why}`, { cause });
  } finally {
    await dispatcher.destroy();
  }
}
