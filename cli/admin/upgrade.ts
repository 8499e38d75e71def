import { migrate, proposeUpgrade, withdrawUpgrade } from '@daasvader/chain/calls/admin.ts';
import { writeDeployment } from '@daasvader/chain/deployment.ts';
import { compileUpgrade, upgrade } from '@daasvader/move/upgrade.ts';
import type { Command } from 'commander';
import { openContext, type SignedOptions, signed } from '../context.ts';
import { openWallet } from '../wallet/open.ts';
import { adminIds, report, sendAsAdmin } from './send.ts';

/** Commands that replace the package: proposed by digest, carried out after the delay, then migrated to. */
export function upgradeCommands(): Command[] {
  return [propose(), withdraw(), carryOut(), migrateAll()];
}

function propose(): Command {
  return signed(
    'propose-upgrade',
    'propose these contracts in place of those on chain, by their digest',
  ).action(async (options: SignedOptions) => {
    const { digest } = await compileUpgrade();
    process.stderr.write(`digest of these contracts: ${Buffer.from(digest).toString('hex')}\n`);
    await sendAsAdmin(options, (tx, ids) => proposeUpgrade(tx, ids, digest));
  });
}

function withdraw(): Command {
  return signed('withdraw-upgrade', 'take back a proposed upgrade').action((options: SignedOptions) =>
    sendAsAdmin(options, withdrawUpgrade),
  );
}

function carryOut(): Command {
  return signed(
    'upgrade',
    'carry out the upgrade to these contracts and write its id into the deployment file',
  ).action(async (options: SignedOptions) => {
    const { client, deployment } = await openContext(options);
    const signer = await openWallet(options);
    const { digest, packageId } = await upgrade({ client, signer, ids: adminIds(deployment) });
    await writeDeployment(options.deployment, { ...deployment, packageId });
    report(options, { digest, packageId }, `package ${packageId} (${digest}); then daas admin migrate`);
  });
}

function migrateAll(): Command {
  return signed('migrate', 'end the package before the current one').action((options: SignedOptions) =>
    sendAsAdmin(options, migrate),
  );
}
