import { ContractReader, type Enclave, type EnclaveRegistry, leaderOf } from '@daasvader/chain/objects.ts';
import { reasonOf } from '@daasvader/program/reason.ts';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import type { Cluster, Measurement, RegisteredEnclave } from './cluster.ts';
import { VerifierError } from './error.ts';

/** Which cluster of which chain is meant; what a deployment file says of it. */
export interface ClusterIds {
  chainId: string;
  /** The package as it was first published: enclaves are bound to it, and types are named by it. */
  originalPackageId: string;
  /** Id of the enclave registry, which is the cluster's. */
  registryId: string;
}

/**
 * Reads what the chain says of a cluster: its registry first, then the enclave that leads from its seat. Only the lack of
 * one is read as an absence; a query that failed is an error.
 * @throws VerifierError `chain` when the full node serves another chain, `unreachable`; ChainError `not_found`,
 *   `answer`, `unreachable`
 */
export async function readCluster(client: SuiGrpcClient, ids: ClusterIds): Promise<Cluster> {
  const { chainId, originalPackageId: packageId, registryId: clusterId } = ids;
  await assertChain(client, chainId);
  const reader = new ContractReader(client, ids);
  const [registry, timeMs] = await Promise.all([reader.registry(), reader.timeMs()]);
  const enclaveId = leaderOf(registry);
  const seat = enclaveId === undefined ? undefined : toSeat(await reader.enclave(enclaveId));
  return {
    chainId,
    packageId,
    clusterId,
    timeMs,
    measurements: registry.measurements.map(toMeasurement),
    seat,
  };
}

/**
 * The chain that a full node serves: the digest of its genesis checkpoint, in base58.
 * @throws VerifierError `unreachable`
 */
export async function readChainId(client: SuiGrpcClient): Promise<string> {
  try {
    return (await client.getChainIdentifier()).chainIdentifier;
  } catch (cause) {
    const message = `Cannot ask the full node which chain it serves: ${reasonOf(cause)}`;
    throw new VerifierError('unreachable', message, { cause });
  }
}

async function assertChain(client: SuiGrpcClient, expected: string): Promise<void> {
  const actual = await readChainId(client);
  if (actual === expected) return;
  const message = 'Cannot trust the full node: it serves another chain';
  throw new VerifierError('chain', message, { expected, actual });
}

function toMeasurement(entry: EnclaveRegistry['measurements'][number]): Measurement {
  const { version, pcr0, pcr1, pcr2, effectiveAtMs, retireAtMs } = entry;
  return {
    version,
    pcrs: [hex(pcr0), hex(pcr1), hex(pcr2)],
    effectiveAtMs: Number(effectiveAtMs),
    retireAtMs: retireAtMs === null ? undefined : Number(retireAtMs),
  };
}

function toSeat(enclave: Enclave): RegisteredEnclave {
  return {
    id: enclave.id,
    operator: enclave.operator,
    tlsSpkiSha256: hex(enclave.tlsSpkiSha256),
    caSha256: hex(enclave.caSha256),
    hpkePublicKey: hex(enclave.hpkePublicKey),
    bootId: hex(enclave.bootId),
    committeeDigest: hex(enclave.committeeDigest),
    committeeEpoch: BigInt(enclave.committeeEpoch),
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
