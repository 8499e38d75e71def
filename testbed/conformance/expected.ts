/** A spec of upstream's that does not pass here, because of what the cluster is. */
export interface ExpectedFailure {
  /** The whole name, as the suite prints it. */
  readonly spec: string;
  /** The decision of ours that it meets; a fault of ours is no reason. */
  readonly reason: string;
}

/** Every spec that fails on purpose. Any other failure fails the run, and so does one of these that passes. */
export const EXPECTED_FAILURES: readonly ExpectedFailure[] = [];
