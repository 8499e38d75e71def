import { createHash, X509Certificate } from 'node:crypto';
import type { Binding } from '@daasvader/attestation/binding.ts';
import type { Committee } from '@daasvader/checkpoint/committee.ts';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import { EnclaveError } from '../error.ts';
import type { Configuration } from './configuration.ts';
import type { Keys } from './keys.ts';

/**
 * What this enclave answers for. The host's configuration enters it, so a host that lied gets an enclave that the
 * chain does not register.
 *
 * @throws {EnclaveError} `configuration` when the full node follows another chain than configured
 */
export async function makeBinding(
  { cluster, k3s }: Configuration,
  { operator, tls, hpke, bootId }: Keys,
  caPem: string,
  client: SuiGrpcClient,
  committee: Committee,
): Promise<Binding> {
  const { chainIdentifier } = await client.getChainIdentifier();
  if (chainIdentifier !== cluster.chainId) {
    const options = { expected: cluster.chainId, actual: chainIdentifier };
    throw new EnclaveError('configuration', 'Cannot use the chain: it is another than configured', options);
  }
  return {
    chainId: chainIdentifier,
    packageId: cluster.originalPackageId,
    clusterId: cluster.registryId,
    operator: operator.toSuiAddress(),
    tlsSpkiSha256: tls.spkiSha256,
    caSha256: createHash('sha256').update(new X509Certificate(caPem).raw).digest(),
    hpkePublicKey: Buffer.from(hpke.publicKey, 'hex'),
    committeeDigest: committee.digest,
    committeeEpoch: committee.epoch,
    bootId,
    clusterCidr: k3s.cluster_cidr,
    serviceCidr: k3s.service_cidr,
  };
}
