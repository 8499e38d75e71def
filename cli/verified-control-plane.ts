import { readCluster } from '@daasvader/verifier/chain.ts';
import type { CheckPassed } from '@daasvader/verifier/checks.ts';
import { passedLine } from '@daasvader/verifier/print.ts';
import { type VerifiedControlPlane, verifyControlPlane } from '@daasvader/verifier/verify.ts';
import { type ApiOptions, type Context, readRoot } from './context.ts';

/** Tells stderr of a check that passed. */
export function tell(passed: CheckPassed): void {
  process.stderr.write(`${passedLine(passed)}\n`);
}

/**
 * Verifies the control plane, telling stderr, or whom else it is given, each check that passed. Nothing is asked of it
 * before.
 *
 * @returns the control plane; close its `endpoint` when done
 * @throws CheckError, VerifierError, ChainError
 */
export async function verifiedControlPlane(
  { client, deployment }: Context,
  options: ApiOptions,
  report = tell,
): Promise<VerifiedControlPlane> {
  return verifyControlPlane({
    apiEndpoint: options.api,
    readCluster: () => readCluster(client, deployment),
    root: await readRoot(options),
    report,
  });
}
