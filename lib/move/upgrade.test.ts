import * as adminCalls from '@daasvader/chain/calls/admin.ts';
import { heartbeat } from '@daasvader/chain/calls/operator.ts';
import { stake } from '@daasvader/chain/calls/user.ts';
import { ContractReader } from '@daasvader/chain/objects.ts';
import { contractEvents, submit } from '@daasvader/chain/submit.ts';
import { SeatedCluster } from '@daasvader/testbed/cluster/seated-cluster.ts';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import type { Transaction } from '@mysten/sui/transactions';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compileFiles } from './compile.ts';
import { CONTRACTS } from './publish.ts';
import { readPackage } from './sources.ts';
import { digestOfCode, type UpgradeCode, upgrade } from './upgrade.ts';

const SUI = 1_000_000_000n;
const GATE = 'sources/gate.move';

let cluster: SeatedCluster;
let code: UpgradeCode;
let upgradedId: string;

beforeAll(async () => {
  cluster = await SeatedCluster.start();
  code = await nextVersion();
});

afterAll(() => cluster.close());

/** The contracts as their next version is: with the number that the gate compares. */
async function nextVersion(): Promise<UpgradeCode> {
  const files = await readPackage(CONTRACTS);
  const gate = files[GATE]!.replace('const VERSION: u64 = 1;', 'const VERSION: u64 = 2;');
  expect(gate).not.toBe(files[GATE]);
  const compiled = await compileFiles({ ...files, [GATE]: gate });
  return { ...compiled, digest: digestOfCode(compiled) };
}

const before = () => cluster.deployment;
const after = () => ({ ...cluster.deployment, packageId: upgradedId });

async function administer(build: (tx: Transaction) => void) {
  const submitted = await submit(cluster.client, cluster.admin, build);
  return contractEvents(submitted, cluster.deployment.originalPackageId);
}

/** Stakes as somebody new. */
async function stakeIn(ids: ReturnType<typeof before>) {
  const user = new Ed25519Keypair();
  await cluster.devnet.faucet(user.toSuiAddress());
  return submit(cluster.client, user, (tx) => stake(tx, ids, 2n * SUI));
}

const upgradeAs = () => upgrade({ client: cluster.client, signer: cluster.admin, ids: before(), code });

test('what was not proposed is not upgraded to', async () => {
  await expect(upgradeAs()).rejects.toMatchObject({ abort: { module: 'upgrades', name: 'ENotProposed' } });
  await administer((tx) => adminCalls.proposeUpgrade(tx, before(), new Uint8Array(32)));
  await expect(upgradeAs()).rejects.toMatchObject({ abort: { module: 'upgrades', name: 'ENotProposed' } });
});

test('what was proposed is, and the registry tells the new package', async () => {
  await administer((tx) => adminCalls.proposeUpgrade(tx, before(), code.digest));
  upgradedId = (await upgradeAs()).packageId;
  const { upgrades } = await new ContractReader(cluster.client, before()).registry();
  expect(upgrades.package).toEqual({ original: before().packageId, current: upgradedId, version: '2' });
});

test('until the objects are migrated both packages work, and events keep the type that they had', async () => {
  await stakeIn(before());
  const staked = await stakeIn(after());
  expect(contractEvents(staked, before().originalPackageId)).toMatchObject([{ kind: 'UserStakedEvent' }]);
  await cluster.operate((tx, ids, act) =>
    heartbeat(tx, ids, act, { auditHead: new Uint8Array(32), inSync: [] }),
  );
});

test('afterwards only the new one does', async () => {
  await administer((tx) => adminCalls.migrate(tx, after()));
  await expect(stakeIn(before())).rejects.toMatchObject({
    abort: { module: 'gate', name: 'EOldPackage' },
  });
  await stakeIn(after());
  await expect(cluster.operate(() => undefined)).rejects.toMatchObject({
    abort: { module: 'gate', name: 'EOldPackage' },
  });
  await expect(administer((tx) => adminCalls.migrate(tx, after()))).rejects.toMatchObject({
    abort: { module: 'gate', name: 'ENothingToMigrate' },
  });
});
