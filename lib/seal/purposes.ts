/**
 * HPKE's `info` of a join credential: the purpose, and the cluster that it is for.
 *
 * @param clusterId id of the enclave registry
 */
export function joinPurpose(clusterId: string): string {
  return `daasvader/join/v1|${clusterId}`;
}
