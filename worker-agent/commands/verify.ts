import type { CheckPassed } from '@daasvader/verifier/checks.ts';
import { passedLine } from '@daasvader/verifier/print.ts';
import { verifyControlPlane } from '@daasvader/verifier/verify.ts';
import type { Command } from 'commander';
import { openChain } from '../sui-chain.ts';
import { type CommonOptions, configOf, print, rootOf, withCommon, withRoot } from './options.ts';

/** `verify`: checks the control plane against the chain and says what was compared with what. */
export function verifyCommand(command: Command): void {
  withRoot(withCommon(command)).action(verify);
}

async function verify(options: CommonOptions): Promise<void> {
  const config = await configOf(options);
  const chain = openChain(config);
  const checks: CheckPassed[] = [];
  const { endpoint, binding } = await verifyControlPlane({
    apiEndpoint: config.apiEndpoint,
    readCluster: () => chain.readCluster(),
    root: await rootOf(config),
    report: (passed) => {
      checks.push(passed);
      if (options.json !== true) process.stdout.write(`${passedLine(passed)}\n`);
    },
  });
  await endpoint.close();
  print(
    options,
    { checks, operator: binding.operator },
    `${config.apiEndpoint} is the control plane in the seat`,
  );
}
