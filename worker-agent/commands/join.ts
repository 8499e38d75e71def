import { join } from 'node:path';
import type { CheckPassed } from '@daasvader/verifier/checks.ts';
import { passedLine } from '@daasvader/verifier/print.ts';
import { verifyControlPlane } from '@daasvader/verifier/verify.ts';
import type { Command } from 'commander';
import { ownAddress } from '../address.ts';
import { joinCluster } from '../join.ts';
import { identityKeyFile, readIdentity, readSealKey, sealKeyFile } from '../keys.ts';
import { openChain } from '../sui-chain.ts';
import { type CommonOptions, configOf, print, rootOf, withCommon, withRoot } from './options.ts';

/** `join`: verifies, then fetches the bootstrap credential that a kubelet starts with. */
export function joinCommand(command: Command): void {
  withRoot(withCommon(command)).action(joinOnce);
}

async function joinOnce(options: CommonOptions): Promise<void> {
  const config = await configOf(options);
  const chain = openChain(config);
  const sealKey = await readSealKey(sealKeyFile(config.stateDir), config.node.seal_token);
  const identity = await readIdentity(identityKeyFile(config.stateDir), config.stateDir);
  const report = (passed: CheckPassed) =>
    void (options.json === true || process.stdout.write(`${passedLine(passed)}\n`));
  const verified = await verifyControlPlane({
    apiEndpoint: config.apiEndpoint,
    readCluster: () => chain.readCluster(),
    root: await rootOf(config),
    report,
  });
  const kubeconfigFile = join(config.stateDir, 'bootstrap.kubeconfig');
  try {
    await joinCluster(verified, {
      nodeId: config.node.id,
      address: await ownAddress(config),
      sealKey,
      identity,
      masterEndpoint: config.k3s.master_endpoint,
      dataDir: config.k3s.data_dir,
      kubeconfigFile,
      report,
      warn: (message) => void process.stderr.write(`warning: ${message}\n`),
    });
  } finally {
    await verified.endpoint.close();
  }
  print(options, { kubeconfig: kubeconfigFile }, `bootstrap credential in ${kubeconfigFile}`);
}
