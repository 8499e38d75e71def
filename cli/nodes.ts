import type { EnclaveEndpoint } from '@daasvader/verifier/endpoint.ts';
import { VerifierError } from '@daasvader/verifier/error.ts';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import type { Command } from 'commander';
import { z } from 'zod';
import {
  type ApiOptions,
  type DeploymentOptions,
  openContext,
  withApi,
  withDeployment,
  withJson,
} from './context.ts';
import { formatTable, printJson } from './output.ts';
import { verifiedControlPlane } from './verified-control-plane.ts';

const answer = z.object({
  data: z.object({
    master_node: z.object({ name: z.string(), status: z.string() }),
    worker_nodes: z.array(z.object({ name: z.string(), status: z.string(), chain_status: z.string() })),
  }),
});

type Nodes = z.output<typeof answer>['data'];

/** `daas nodes`: the nodes as the control plane sees them. */
export function nodesCommand(command: Command): void {
  withJson(withApi(withDeployment(command))).action(
    async (options: DeploymentOptions & ApiOptions & { json?: boolean }) => {
      const { endpoint } = await verifiedControlPlane(await openContext(options), options);
      try {
        const nodes = await readNodes(endpoint);
        if (options.json) printJson(nodes);
        else process.stdout.write(format(nodes));
      } finally {
        await endpoint.close();
      }
    },
  );
}

async function readNodes(endpoint: EnclaveEndpoint): Promise<Nodes> {
  const parsed = answer.safeParse(await endpoint.request('GET', ROUTE.nodes));
  if (parsed.success) return parsed.data.data;
  const reason = z.prettifyError(parsed.error);
  throw new VerifierError('malformed', `Cannot read the nodes of ${endpoint.url}: ${reason}`);
}

function format({ master_node: master, worker_nodes: workers }: Nodes): string {
  const rows = workers.map(({ name, status, chain_status }) => [name, status, chain_status]);
  return formatTable(['NAME', 'STATUS', 'ON CHAIN'], [[master.name, master.status, ''], ...rows]);
}
