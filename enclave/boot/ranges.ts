import { ContractReader } from '@daasvader/chain/objects.ts';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import { EnclaveError } from '../error.ts';
import type { Configuration } from './configuration.ts';

/**
 * Compares the ranges of addresses that the host configured with those that the cluster was made with, as a full node
 * tells them. The chain registers no enclave with others, but does not say why.
 *
 * @throws {EnclaveError} `configuration`, saying which
 */
export async function assertRanges(
  client: SuiGrpcClient,
  { cluster, k3s }: Pick<Configuration, 'cluster' | 'k3s'>,
): Promise<void> {
  const { clusterCidr, serviceCidr } = await new ContractReader(client, cluster).registry();
  const expected = { cluster_cidr: clusterCidr, service_cidr: serviceCidr };
  for (const [key, range] of Object.entries(expected)) {
    const actual = k3s[key as keyof typeof expected];
    if (actual === range) continue;
    const message = `Cannot use configuration: k3s.${key} is ${actual}, but the cluster was made with ${range}; correct it on the host`;
    throw new EnclaveError('configuration', message, { expected: range, actual });
  }
}
