import { createCluster } from '@daasvader/chain/calls/admin.ts';
import { createdObject, submit } from '@daasvader/chain/submit.ts';
import { type Devnet, startDevnet } from '@daasvader/testbed/devnet/devnet.ts';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import type { Transaction } from '@mysten/sui/transactions';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CompiledPackage, compilePackage } from './compile.ts';
import { CONTRACTS } from './publish.ts';
import { digestOfCode } from './upgrade.ts';

const COMPATIBLE = 0;

let devnet: Devnet;
let client: SuiGrpcClient;
let code: CompiledPackage;
let packageId: string;
let capId: string;

beforeAll(async () => {
  devnet = await startDevnet();
  client = new SuiGrpcClient({ network: 'devnet-local', baseUrl: devnet.url });
  code = await compilePackage(CONTRACTS);
  const published = await send((tx) => {
    const cap = tx.publish({ modules: modules(), dependencies: code.dependencies });
    tx.transferObjects([cap], devnet.accounts[0]!.toSuiAddress());
  });
  packageId = published.packages[0]!;
  capId = createdObject(published, '::package::UpgradeCap');
});

afterAll(() => devnet.close());

const send = (build: (tx: Transaction) => void) => submit(client, devnet.accounts[0]!, build);
const modules = () => code.modules.map((module) => [...module]);

/** Upgrades with the bare capability, in private and without any delay. */
async function upgrade(): Promise<string> {
  const upgraded = await send((tx) => {
    const cap = tx.object(capId);
    const digest = tx.pure.vector('u8', digestOfCode(code));
    const authorize = {
      target: '0x2::package::authorize_upgrade',
      arguments: [cap, tx.pure.u8(COMPATIBLE), digest],
    };
    const ticket = tx.moveCall(authorize);
    const { dependencies } = code;
    const receipt = tx.upgrade({ modules: modules(), dependencies, package: packageId, ticket });
    tx.moveCall({ target: '0x2::package::commit_upgrade', arguments: [cap, receipt] });
  });
  return upgraded.packages[0]!;
}

/** Creates a cluster as a package does. */
function create(as: string): Promise<unknown> {
  const publicConfig = { appsDomain: '', acmeDirectory: '', acmeRoot: new Uint8Array() };
  const ranges = { clusterCidr: '10.42.0.0/16', serviceCidr: '10.43.0.0/16' };
  return send((tx) =>
    createCluster(
      tx,
      { packageId: as },
      { upgradeCap: tx.object(capId), delayMs: 0n, ...ranges, publicConfig },
    ),
  );
}

test('a package that was upgraded before it had a cluster never gets one, neither from its old code nor from its new', async () => {
  const upgradedId = await upgrade();
  const refused = { abort: { module: 'upgrades', name: 'EWrongUpgradeCap' } };
  await expect(create(packageId)).rejects.toMatchObject(refused);
  await expect(create(upgradedId)).rejects.toMatchObject(refused);
});
