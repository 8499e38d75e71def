import { readFile } from 'node:fs/promises';
import { printable } from '@daasvader/attestation/printable.ts';
import { reasonOf } from '@daasvader/program/reason.ts';
import type { Command } from 'commander';
import { Agent, request } from 'undici';
import type { RegisteredWorker } from '../chain.ts';
import type { WorkerConfig } from '../config.ts';
import type { Status } from '../state.ts';
import { openChain } from '../sui-chain.ts';
import { type CommonOptions, configOf, print, withCommon } from './options.ts';

/** The agent is on this machine; one that does not answer for so long does not work. */
const AGENT_ANSWER_MS = 5_000;

/** `status`: what the chain says of this worker, and what the agent on this machine says. */
export function statusCommand(command: Command): void {
  withCommon(command).action(status);
}

async function status(options: CommonOptions): Promise<void> {
  const config = await configOf(options);
  const worker = await openChain(config).readWorker(config.node.id);
  const agent = await agentStatus(config);
  print(
    options,
    { worker, agent },
    [...workerLines(config.node.id, worker), ...agentLines(agent)].join('\n'),
  );
}

function workerLines(nodeId: string, worker: RegisteredWorker | undefined): string[] {
  if (worker === undefined) return [`chain  ${nodeId} is not registered`];
  const expires = new Date(worker.tokenExpiresAtMs).toISOString();
  return [`chain  ${nodeId} is ${worker.status}, owner ${worker.owner}, seal token valid until ${expires}`];
}

function agentLines(agent: Status | undefined): string[] {
  if (agent === undefined) return ['agent  does not run on this machine'];
  const verified = agent.verifiedAt === undefined ? 'never verified' : `verified ${agent.verifiedAt}`;
  const problem = agent.problem === undefined ? [] : [`       ${printable(agent.problem)}`];
  return [
    `agent  ${agent.phase}, ${verified}, trusting ${agent.root === 'AWS' ? "AWS's root" : 'a GIVEN root'}`,
    ...problem,
  ];
}

async function agentStatus({ node, security }: WorkerConfig): Promise<Status | undefined> {
  const scheme = security.tls_cert === undefined ? 'http' : 'https';
  // On loopback the certificate's names do not apply; that it is ours does.
  const ca = security.tls_cert === undefined ? undefined : await readFile(security.tls_cert);
  const signal = AbortSignal.timeout(AGENT_ANSWER_MS);
  const dispatcher = new Agent({ connect: { ca, checkServerIdentity: () => undefined } });
  try {
    const { body } = await request(`${scheme}://127.0.0.1:${node.port}/status`, { dispatcher, signal });
    return (await body.json()) as Status;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') return undefined;
    throw new Error(`Cannot ask the agent on port ${node.port}: ${reasonOf(error)}`, { cause: error });
  } finally {
    await dispatcher.destroy();
  }
}
