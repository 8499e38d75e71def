/** An image that the chain admits, as hex. */
export interface Measurement {
  version: string;
  pcrs: readonly [string, string, string];
  effectiveAtMs: number;
  /** From then on the image is no longer admitted. */
  retireAtMs: number | undefined;
}

/** What an enclave proved when it registered; hashes and keys as hex. */
export interface RegisteredEnclave {
  id: string;
  operator: string;
  tlsSpkiSha256: string;
  caSha256: string;
  hpkePublicKey: string;
  bootId: string;
  committeeDigest: string;
  committeeEpoch: bigint;
}

/** The cluster as the chain describes it at one moment. */
export interface Cluster {
  chainId: string;
  packageId: string;
  /** Id of the enclave registry, which is the cluster's. */
  clusterId: string;
  /** The chain's clock, ms since 1970: by it measurements take effect and retire. */
  timeMs: number;
  measurements: readonly Measurement[];
  /** The enclave in the seat; undefined while the seat is empty. */
  seat: RegisteredEnclave | undefined;
}

/** The measurements that are in effect at the cluster's own time. */
export function measurementsInEffect({ measurements, timeMs }: Cluster): Measurement[] {
  return measurements.filter(
    ({ effectiveAtMs, retireAtMs }) =>
      effectiveAtMs <= timeMs && (retireAtMs === undefined || timeMs < retireAtMs),
  );
}
