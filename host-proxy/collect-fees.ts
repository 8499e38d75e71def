import { z } from 'zod';
import { type Config, readClusterDeployment, readConfig } from './config.ts';
import { askRunning } from './control.ts';
import { type Collected, FeesService } from './fees-service.ts';
import { openHostAccount } from './own-transactions.ts';

/** By which path the host proxy that runs is asked to collect. */
export const COLLECT_FEES = '/collect-fees';

const collectedSchema = z.object({ digest: z.string(), host: z.string(), mist: z.string() });

/**
 * Collects the fees of orders, by the host proxy that runs on this configuration or, when none runs, from here.
 *
 * @throws {HostProxyError}
 */
export async function collectFees(file: string): Promise<Collected> {
  const config = await readConfig(file);
  const answer = await askRunning(config.host.state_dir, COLLECT_FEES);
  return answer === undefined ? collectHere(config) : collectedSchema.parse(answer);
}

async function collectHere(config: Config): Promise<Collected> {
  const cluster = await readClusterDeployment(config.host.deployment);
  return new FeesService(await openHostAccount(config, cluster)).collect();
}
