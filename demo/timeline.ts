import { ContractReader } from '@daasvader/chain/objects.ts';
import { formatTable } from '@daasvader/cli/output.ts';
import { type Cluster, insecure } from '@daasvader/testbed/cluster/cluster.ts';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { fetch } from 'undici';
import { z } from 'zod';

const history = z.object({
  data: z.array(z.object({ type: z.string(), requestId: z.string().optional(), timestampMs: z.number() })),
});

/** When what happened, from the contract call on. */
export class Timeline {
  readonly #cluster: Cluster;
  readonly #marks = new Map<string, number>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Notes that something was seen just now; ms since 1970. */
  mark(what: string): number {
    const now = Date.now();
    this.#marks.set(what, now);
    return now;
  }

  /** All times as a table, relative to the moment when the chain executed the request. */
  async table(requestId: string): Promise<string> {
    const start = await this.#calledAt(requestId);
    const rows = [...(await this.#inEnclave(requestId)), ...this.#marks];
    return formatTable(
      ['AFTER THE CONTRACT CALL', 'MS'],
      rows.map(([what, at]) => [what, `${at - start}`]),
    );
  }

  async #calledAt(requestId: string): Promise<number> {
    const { deployment } = this.#cluster;
    const client = new SuiGrpcClient({ network: deployment.network, baseUrl: deployment.rpcUrl });
    const request = await new ContractReader(client, deployment).request(BigInt(requestId));
    return Number(request?.createdAtMs);
  }

  async #inEnclave(requestId: string): Promise<[string, number][]> {
    const response = await fetch(`${this.#cluster.addresses.apiUrl}${ROUTE.history}`, {
      dispatcher: insecure,
    });
    const { data } = history.parse(await response.json());
    const at = (type: string) =>
      data.findLast((entry) => entry.type === type && entry.requestId === requestId)?.timestampMs ??
      Number.NaN;
    return [
      ['event seen', at('request')],
      ['applied in Kubernetes', at('apply')],
    ];
  }
}
