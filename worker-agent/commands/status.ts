import { printable } from '@daasvader/attestation/printable.ts';
import type { Command } from 'commander';
import { agentStatus } from '../agent-status.ts';
import type { RegisteredWorker } from '../chain.ts';
import type { Status } from '../state.ts';
import { openChain } from '../sui-chain.ts';
import { type CommonOptions, configOf, print, withCommon } from './options.ts';

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
