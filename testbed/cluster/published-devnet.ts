import type { Deployment } from '@daasvader/chain/deployment.ts';
import { publish } from '@daasvader/move/publish.ts';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { type Devnet, startDevnet } from '../devnet/devnet.ts';

/** A devnet in this process with the contracts, whose first account is their admin. */
export interface PublishedDevnet {
  readonly devnet: Devnet;
  readonly client: SuiGrpcClient;
  readonly deployment: Deployment & { adminCapId: string };
}

/** @param nitroRootPem under which the chain believes documents */
export async function startPublishedDevnet(nitroRootPem: string): Promise<PublishedDevnet> {
  const devnet = await startDevnet({ nitroRootPem });
  const where = { network: 'devnet-local', rpcUrl: devnet.url };
  const client = new SuiGrpcClient({ network: where.network, baseUrl: where.rpcUrl });
  const published = await publish({ client, signer: devnet.accounts[0]!, ...where, delayMs: 0n });
  return { devnet, client, deployment: { ...published, adminCapId: published.adminCapId! } };
}
