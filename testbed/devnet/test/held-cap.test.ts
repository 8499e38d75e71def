/** A package that holds its own right to be upgraded in a shared object, and values that commands hand on. */

import { digestOfCode } from '@daasvader/move/upgrade.ts';
import { bcs } from '@mysten/sui/bcs';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { Transaction, type TransactionArgument } from '@mysten/sui/transactions';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Devnet, startDevnet } from '../devnet.ts';
import { type Code, compilePackage, type Published, plain, User } from '../testing/upgrade.ts';

const V1 = `
use sui::package::{UpgradeCap, UpgradeReceipt, UpgradeTicket};
use sui::vec_map::{Self, VecMap};

public struct Vault has key { id: UID, cap: UpgradeCap, releases: VecMap<u64, address> }
/// Neither stored nor copied.
public struct Permit has drop { words: vector<vector<u8>> }

public fun hold(cap: UpgradeCap, ctx: &mut TxContext) {
    transfer::share_object(Vault { id: object::new(ctx), cap, releases: vec_map::empty() })
}
public fun permit(words: vector<vector<u8>>): Permit { Permit { words } }
public fun authorize(vault: &mut Vault, permit: &Permit): UpgradeTicket { vault.cap.authorize(0, permit.words[1]) }
public fun commit(vault: &mut Vault, permit: &Permit, receipt: UpgradeReceipt) {
    assert!(permit.words.length() == 2);
    let package = receipt.package().to_address();
    vault.cap.commit(receipt);
    vault.releases.insert(vault.cap.version(), package);
}
public fun latest(vault: &Vault): (address, address, u64) {
    let version = vault.cap.version();
    (vault.cap.package().to_address(), vault.releases[&version], version)
}
public fun release(vault: Vault): UpgradeCap {
    let Vault { id, cap, releases: _ } = vault;
    id.delete();
    cap
}
`;
const V2 = `${V1}public fun newest(vault: &Vault): u64 { vault.cap.version() * 100 }\n`;
const LATE = `
public struct Late has key { id: UID }
fun init(ctx: &mut TxContext) { transfer::share_object(Late { id: object::new(ctx) }) }
`;

let devnet: Devnet;
let user: User;
let [v1, v2]: Code[] = [];
let published: Published;
let vaultId: string;

beforeAll(async () => {
  devnet = await startDevnet();
  const client = new SuiGrpcClient({ network: 'devnet', baseUrl: devnet.url });
  user = new User(client, devnet.accounts[0]!);
  [v1, v2] = await Promise.all([compilePackage({ vault: V1 }), compilePackage({ vault: V2, late: LATE })]);
  published = await user.publish(v1!);
  const holding = new Transaction();
  holding.moveCall({
    target: `${published.packageId}::vault::hold`,
    arguments: [holding.object(published.capId)],
  });
  [vaultId] = (await user.create(holding, '::vault::Vault')) as [string];
});

afterAll(() => devnet.close());

/** Takes a ticket from the vault, upgrades, and gives the receipt back, unless `finish` does something else. */
function upgradeFromVault(finish?: (receipt: TransactionArgument) => void): Transaction {
  const transaction = new Transaction();
  const vault = transaction.object(vaultId);
  const words = transaction.makeMoveVec({
    type: 'vector<u8>',
    elements: [transaction.pure.vector('u8', [1, 2]), transaction.pure.vector('u8', digestOfCode(v2!))],
  });
  const target = (name: string) => `${published.packageId}::vault::${name}`;
  const permit = transaction.moveCall({ target: target('permit'), arguments: [words] });
  const ticket = transaction.moveCall({ target: target('authorize'), arguments: [vault, permit] });
  const receipt = transaction.upgrade({ ...plain(v2!), package: published.packageId, ticket });
  if (finish) finish(receipt);
  else transaction.moveCall({ target: target('commit'), arguments: [vault, permit, receipt] });
  return transaction;
}

test('a receipt that is not given back undoes the upgrade', async () => {
  await expect(user.execute(upgradeFromVault(() => {}))).rejects.toThrow(/UnusedValueWithoutDrop/);
});

test('a package is upgraded with a ticket from its own shared object, in one transaction', async () => {
  const [upgradedId, late] = await user.create(upgradeFromVault(), 'package', '::late::Late');
  const transaction = new Transaction();
  const vault = transaction.object(vaultId);
  transaction.moveCall({ target: `${upgradedId}::vault::latest`, arguments: [vault] });
  transaction.moveCall({ target: `${upgradedId}::vault::newest`, arguments: [vault] });
  transaction.setSender(user.signer.toSuiAddress());
  const include = { commandResults: true } as const;
  const result = await user.client.simulateTransaction({ transaction, include });
  const [latest, newest] = result.commandResults!.map(({ returnValues }) =>
    returnValues.map(({ bcs: b }) => b),
  );
  expect(latest!.slice(0, 2).map((value) => bcs.Address.parse(value))).toEqual([upgradedId, upgradedId]);
  expect([latest![2]!, newest![0]!].map((value) => bcs.u64().parse(value))).toEqual(['2', '200']);
  // What the new module's `init` shared.
  const { object } = await user.client.getObject({ objectId: late! });
  expect(object.owner.$kind).toBe('Shared');
});

test('a shared object is deleted by value, and what it held goes on', async () => {
  const transaction = new Transaction();
  const cap = transaction.moveCall({
    target: `${published.packageId}::vault::release`,
    arguments: [transaction.object(vaultId)],
  });
  transaction.transferObjects([cap], user.signer.toSuiAddress());
  const { effects } = await user.run(transaction);
  const change = (id: string) => effects.changedObjects.find(({ objectId }) => objectId === id);
  expect(change(vaultId)).toMatchObject({ idOperation: 'Deleted' });
  expect(change(published.capId)).toMatchObject({ outputOwner: { $kind: 'AddressOwner' } });
});
