import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolvePackage } from '@daasvader/move/compiler.ts';
import { digestOfCode } from '@daasvader/move/upgrade.ts';
import { bcs } from '@mysten/sui/bcs';
import { GrpcTypes, SuiGrpcClient } from '@mysten/sui/grpc';
import { Transaction, UpgradePolicy } from '@mysten/sui/transactions';
import { dumpMovePackage } from '@zktx.io/sui-move-builder/full';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Devnet, startDevnet } from '../devnet.ts';
import { withPackageAddress } from '../execution/bytecode-address.ts';
import {
  type Code,
  compilePackage,
  compileUser,
  type Published,
  plain,
  User,
  upgradeTransaction,
} from '../testing/upgrade.ts';

/** A library in three versions: objects, an event, dynamic fields, an abort, a package function, a type that comes later. */
const V1 = `
use sui::dynamic_field as df;
public struct Item has key, store { id: UID, n: u64 }
public struct Made has copy, drop, store { n: u64 }
public fun make(n: u64, ctx: &mut TxContext): Item { sui::event::emit(Made { n }); Item { id: object::new(ctx), n } }
public fun version(): u64 { 1 }
public fun generic<T>(): u64 { 1 }
public fun n(item: &Item): u64 { item.n }
public fun attach(item: &mut Item) { df::add(&mut item.id, b"made", Made { n: item.n }) }
public fun attached(item: &Item): bool { df::exists_with_type<vector<u8>, Made>(&item.id, b"made") }
public fun has_late(item: &Item): bool { df::exists_(&item.id, b"late") }
public fun is_late_made(item: &Item): bool { df::exists_with_type<vector<u8>, Made>(&item.id, b"late") }
public fun late_as_made(item: &Item): u64 { df::borrow<vector<u8>, Made>(&item.id, b"late").n }
public fun fail() { abort 7 }
public(package) fun secret(): u64 { 41 }
public fun tell(): u64 { secret() }
`;
const V2 = V1.replace('{ 1 }', '{ 2 }')
  .replace('{ 41 }', '{ 42 }')
  .concat(`
public struct Late has copy, drop, store { n: u64 }
public fun late(n: u64): Late { sui::event::emit(Late { n }); Late { n } }
public fun late_n(late: &Late): u64 { late.n }
public fun grow(item: &mut Item) { df::add(&mut item.id, b"late", Late { n: item.n }) }
public fun grown(item: &Item): u64 { df::borrow<vector<u8>, Late>(&item.id, b"late").n }
public fun names(): vector<u8> { std::type_name::with_defining_ids<Late>().into_string().into_bytes() }
public fun original_names(): vector<u8> { std::type_name::with_original_ids<vector<Late>>().into_string().into_bytes() }
`);
const V3 = V2.replace('{ 2 }', '{ 3 }');

let devnet: Devnet;
let user: User;
let [v1, v2, v3]: Code[] = [];

beforeAll(async () => {
  devnet = await startDevnet();
  user = userOf(devnet);
  [v1, v2, v3] = await Promise.all([V1, V2, V3].map((lib) => compilePackage({ lib })));
});

afterAll(() => devnet.close());

function userOf({ url, accounts }: Devnet): User {
  return new User(new SuiGrpcClient({ network: 'devnet', baseUrl: url }), accounts[0]!);
}

/** One call, without looking at what comes of it. */
function call(
  target: string,
  build: (tx: Transaction) => unknown[] = () => [],
  typeArguments: string[] = [],
) {
  const transaction = new Transaction();
  transaction.moveCall({ target, typeArguments, arguments: build(transaction) as never });
  return transaction;
}

/** What a function returns, as a number, by simulation. */
async function returned(transaction: Transaction): Promise<bigint> {
  return BigInt(bcs.u64().parse(await returnedBytes(transaction)));
}

async function returnedBytes(transaction: Transaction): Promise<Uint8Array> {
  transaction.setSenderIfNotSet(user.signer.toSuiAddress());
  const include = { commandResults: true } as const;
  const result = await user.client.simulateTransaction({ transaction, include });
  if (result.$kind !== 'Transaction') throw new Error(result.FailedTransaction.status.error?.message);
  return result.commandResults!.at(-1)!.returnValues[0]!.bcs;
}

/** Makes an item with `n` and keeps it. */
async function makeItem(packageId: string, n: number): Promise<string> {
  const transaction = new Transaction();
  const item = transaction.moveCall({
    target: `${packageId}::lib::make`,
    arguments: [transaction.pure.u64(n)],
  });
  transaction.transferObjects([item], user.signer.toSuiAddress());
  const [id] = await user.create(transaction, '::lib::Item');
  return id!;
}

async function capOf({ capId }: Published) {
  const { object } = await user.client.getObject({ objectId: capId, include: { content: true } });
  return UpgradeCap.parse(object.content);
}

const UpgradeCap = bcs.struct('UpgradeCap', {
  id: bcs.Address,
  package: bcs.Address,
  version: bcs.u64(),
  policy: bcs.u8(),
});

/** How the SDK reports an abort. */
function aborted(path: string, code: number): RegExp {
  return new RegExp(`abort code: ${code}, in '\\w*${path}'`);
}

async function failureOf(transaction: Transaction): Promise<string> {
  const { status } = await user.execute(transaction);
  return status.error?.message ?? 'none';
}

describe('a package in several versions', () => {
  let first: Published;
  let second: Published;
  let item: string;

  beforeAll(async () => {
    first = await user.publish(v1!);
    item = await makeItem(first.packageId, 5);
    second = await user.upgrade(first, v2!);
  });

  test('the cap follows', async () => {
    expect(await capOf(first)).toEqual({
      id: first.capId,
      package: second.packageId,
      version: '2',
      policy: 0,
    });
  });

  test('each version stays callable, and runs its own code', async () => {
    expect(await returned(call(`${first.packageId}::lib::version`))).toBe(1n);
    expect(await returned(call(`${second.packageId}::lib::version`))).toBe(2n);
    expect(await returned(call(`${first.packageId}::lib::tell`))).toBe(41n);
    expect(await returned(call(`${second.packageId}::lib::tell`))).toBe(42n);
  });

  test('an old object works with new functions, also with their dynamic fields', async () => {
    const target = (name: string) => `${second.packageId}::lib::${name}`;
    expect(await returned(call(target('n'), (tx) => [tx.object(item)]))).toBe(5n);
    await user.run(call(target('grow'), (tx) => [tx.object(item)]));
    expect(await returned(call(target('grown'), (tx) => [tx.object(item)]))).toBe(5n);
    const { object } = await user.client.getObject({ objectId: item });
    expect(object.type).toBe(`${first.packageId}::lib::Item`);
  });

  test('a field that one version adds is there for the other, in one transaction', async () => {
    const other = await makeItem(second.packageId, 6);
    const transaction = call(`${first.packageId}::lib::attach`, (tx) => [tx.object(other)]);
    transaction.moveCall({
      target: `${second.packageId}::lib::attached`,
      arguments: [transaction.object(other)],
    });
    expect([...(await returnedBytes(transaction))]).toEqual([1]);
  });

  test('an old version sees fields of types that it does not know', async () => {
    const ask = (name: string) => call(`${first.packageId}::lib::${name}`, (tx) => [tx.object(item)]);
    expect([...(await returnedBytes(ask('has_late')))]).toEqual([1]);
    expect([...(await returnedBytes(ask('is_late_made')))]).toEqual([0]);
    expect(await failureOf(ask('late_as_made'))).toMatch(aborted('::dynamic_field::borrow_child_object', 2));
  });

  test('types are named by the version that first had them, in objects, events and by type_name', async () => {
    const { events } = await user.run(makeAndDrop(second.packageId));
    const made = { eventType: `${first.packageId}::lib::Made`, packageId: second.packageId, module: 'lib' };
    expect(events).toMatchObject([made]);
    const late = await user.run(call(`${second.packageId}::lib::late`, (tx) => [tx.pure.u64(1)]));
    expect(late.events).toMatchObject([{ eventType: `${second.packageId}::lib::Late` }]);
    const text = async (name: string) =>
      bcs.string().parse(await returnedBytes(call(`${second.packageId}::lib::${name}`)));
    expect(await text('names')).toBe(`${second.packageId.slice(2)}::lib::Late`);
    expect(await text('original_names')).toBe(`vector<${first.packageId.slice(2)}::lib::Late>`);
  });

  test('a third version keeps the origins of both', async () => {
    const third = await user.upgrade(second, v3!);
    const { response } = await user.client.movePackageService.getPackage({ packageId: third.packageId });
    expect(response.package).toMatchObject({
      storageId: third.packageId,
      originalId: first.packageId,
      version: 3n,
    });
    expect(
      response.package!.typeOrigins.map(({ datatypeName, packageId }) => [datatypeName, packageId]),
    ).toEqual([
      ['Item', first.packageId],
      ['Made', first.packageId],
      ['Late', second.packageId],
    ]);
    expect(await returned(call(`${third.packageId}::lib::version`))).toBe(3n);
    second = third;
  });

  test('all versions are listed, from any of them, page by page', async () => {
    const list = async (packageId: string, page = {}) =>
      (await user.client.movePackageService.listPackageVersions({ packageId, ...page })).response;
    const all = await list(first.packageId);
    expect(all.versions.map(({ version }) => version)).toEqual([1n, 2n, 3n]);
    expect(all.versions[0]!.packageId).toBe(first.packageId);
    expect(all.nextPageToken).toBeUndefined();
    expect(await list(second.packageId)).toEqual(all);
    const page = await list(first.packageId, { pageSize: 2 });
    expect(page.versions).toEqual(all.versions.slice(0, 2));
    const next = await list(first.packageId, { pageSize: 2, pageToken: page.nextPageToken });
    expect(next).toMatchObject({ versions: all.versions.slice(2) });
    await expect(list(first.packageId, { pageToken: Uint8Array.of(120) })).rejects.toThrow(/page_token/);
  });

  test('functions and types are described with defining ids', async () => {
    const service = user.client.movePackageService;
    const at = { packageId: second.packageId, moduleName: 'lib' };
    const fn = (await service.getFunction({ ...at, name: 'late_n' })).response.function!;
    expect(fn.parameters[0]!.body!.typeName).toMatch(/::lib::Late$/);
    expect(fn.parameters[0]!.body!.typeName).not.toContain(first.packageId);
    const type = (await service.getDatatype({ ...at, name: 'Item' })).response.datatype!;
    expect(type).toMatchObject({ definingId: first.packageId, typeName: `${first.packageId}::lib::Item` });
    const found = (await service.getPackage({ packageId: at.packageId })).response.package!;
    expect(found.modules[0]!.datatypes.map(({ name }) => name)).toEqual(['Item', 'Made', 'Late']);
    expect(found.modules[0]!.functions.map(({ name }) => name)).toContain('late_n');
  });

  test('a type argument may be named by any version that has it', async () => {
    const vector = (version: string) => {
      const transaction = new Transaction();
      transaction.makeMoveVec({ type: `${version}::lib::Item`, elements: [transaction.object(item)] });
      return failureOf(transaction);
    };
    // A vector of objects must be used: so it was made.
    expect(await vector(first.packageId)).toMatch(/UnusedValueWithoutDrop/);
    expect(await vector(second.packageId)).toMatch(/UnusedValueWithoutDrop/);
  });

  test('an abort is reported in the version that ran', async () => {
    for (const { packageId } of [first, second])
      expect(await failureOf(call(`${packageId}::lib::fail`))).toMatch(aborted(`${packageId}::lib::fail`, 7));
  });

  test('a function of the package alone stays so', async () => {
    expect(await failureOf(call(`${second.packageId}::lib::secret`))).toMatch(/NonEntryFunctionInvoked/);
  });

  function makeAndDrop(packageId: string): Transaction {
    const transaction = new Transaction();
    const made = transaction.moveCall({
      target: `${packageId}::lib::make`,
      arguments: [transaction.pure.u64(1)],
    });
    transaction.transferObjects([made], user.signer.toSuiAddress());
    return transaction;
  }
});

describe('packages that use another one', () => {
  const SOURCE = `
use pkg::lib;
public fun version(): u64 { lib::version() }
entry fun same(): u64 { lib::version() }
public fun n(item: &lib::Item): u64 { lib::n(item) }
public struct Keep<T> has drop { n: u64, kept: vector<T> }
public fun keep<T>(kept: vector<T>): Keep<T> { Keep { n: lib::version(), kept } }
public fun seen<T>(): u64 { lib::version() }
entry fun sees<T>(): u64 { lib::version() }
`;
  let first: Published;
  let second: Published;
  let old: Published;
  let young: Published;

  beforeAll(async () => {
    first = await user.publish(v1!);
    second = await user.upgrade(first, v2!);
    const compile = (storageId: string) =>
      compileUser(SOURCE, { lib: V1 }, { originalId: first.packageId, storageId });
    old = await user.publish(await compile(first.packageId));
    young = await user.publish(await compile(second.packageId));
  });

  test('run with the version that they were published with', async () => {
    expect(await returned(call(`${old.packageId}::user::version`))).toBe(1n);
    expect(await returned(call(`${young.packageId}::user::version`))).toBe(2n);
    expect(await returned(call(`${old.packageId}::user::same`))).toBe(1n);
    const item = await makeItem(second.packageId, 9);
    expect(await returned(call(`${old.packageId}::user::n`, (tx) => [tx.object(item)]))).toBe(9n);
  });

  test('their linkage says so', async () => {
    const linkageOf = async (packageId: string) => {
      const { response } = await user.client.movePackageService.getPackage({ packageId });
      return response.package!.linkage.find(({ originalId }) => originalId === first.packageId);
    };
    const entry = (upgradedId: string, upgradedVersion: bigint) => ({
      originalId: first.packageId,
      upgradedId,
      upgradedVersion,
    });
    expect(await linkageOf(old.packageId)).toEqual(entry(first.packageId, 1n));
    expect(await linkageOf(young.packageId)).toEqual(entry(second.packageId, 2n));
  });

  test('a public function goes along with a type argument of a later version', async () => {
    const late = `${second.packageId}::lib::Late`;
    expect(await returned(call(`${old.packageId}::user::seen`, () => [], [late]))).toBe(2n);
    expect(await returned(call(`${old.packageId}::user::seen`, () => [], ['u64']))).toBe(1n);
    expect(
      await failureOf(call(`${old.packageId}::user::seen`, () => [], [`${first.packageId}::lib::Late`])),
    ).toMatch(/TypeArgumentError/);
  });

  test('what is called is called in that version; a private function also keeps those of its dependencies', async () => {
    const late = `${second.packageId}::lib::Late`;
    const generic = (id: string) => failureOf(call(`${id}::lib::generic`, () => [], [late]));
    expect(await generic(second.packageId)).toBe('none');
    expect(await generic(first.packageId)).toMatch(/InvalidLinkage/);
    expect(await failureOf(call(`${old.packageId}::user::sees`, () => [], [late]))).toMatch(/InvalidLinkage/);
    expect(await failureOf(call(`${old.packageId}::user::sees`, () => [], ['u64']))).toBe('none');
  });

  test('cannot be published with two versions of one package, with a version too old, or with one missing', async () => {
    const attempt = async (code: Code, dependencies: string[]) => {
      const transaction = new Transaction();
      const cap = transaction.publish(plain({ ...code, dependencies }));
      transaction.transferObjects([cap], user.signer.toSuiAddress());
      return failureOf(transaction);
    };
    const code = await compileUser(
      SOURCE,
      { lib: V1 },
      { originalId: first.packageId, storageId: first.packageId },
    );
    const base = ['0x1', '0x2'];
    expect(await attempt(code, [...base, first.packageId, second.packageId])).toMatch(/InvalidLinkage/);
    expect(await attempt(code, base)).toMatch(/PublishUpgradeMissingDependency/);
    const outer = await compileUser(
      'public fun version(): u64 { pkg::user::version() }',
      {
        user: SOURCE.replace('use pkg::lib;', '')
          .replaceAll(/lib::version\(\)/g, '2')
          .replace(/public fun n.*\n/, ''),
      },
      { originalId: young.packageId, storageId: young.packageId },
    );
    expect(await attempt(outer, [...base, young.packageId, second.packageId])).toBe('none');
    expect(await attempt(outer, [...base, young.packageId, first.packageId])).toMatch(
      /PublishUpgradeDependencyDowngrade/,
    );
    expect(await attempt(outer, [...base, young.packageId])).toMatch(/PublishUpgradeMissingDependency/);
  });

  test('can be upgraded to the later version alone', async () => {
    const code = await compileUser(
      SOURCE,
      { lib: V1 },
      { originalId: first.packageId, storageId: second.packageId },
    );
    const relinked = await user.upgrade(old, code, { policy: UpgradePolicy.DEP_ONLY });
    expect(await returned(call(`${relinked.packageId}::user::version`))).toBe(2n);
    expect(await returned(call(`${old.packageId}::user::version`))).toBe(1n);
  });
});

describe('what is refused', () => {
  let published: Published;
  const upgrade = (code: Code, options?: Parameters<typeof upgradeTransaction>[2]) =>
    failureOf(upgradeTransaction(published, code, options));
  const restrict = (name: string) =>
    user.run(call(`0x2::package::${name}`, (tx) => [tx.object(published.capId)]));
  const compile = (text: string) => compilePackage({ lib: text });

  beforeAll(async () => {
    published = await user.publish(v1!);
  });

  test('bytecode with another digest', async () => {
    expect(await upgrade(v2!, { digest: digestOfCode(v1!) })).toMatch(/DigestDoesNotMatch/);
    expect(await upgrade(v2!, { digest: new Uint8Array(0) })).toMatch(/DigestDoesNotMatch/);
    const { modules, dependencies } = v2!;
    const fewer = { modules, dependencies: dependencies.slice(1) };
    expect(await upgrade(fewer, { digest: digestOfCode(v2!) })).toMatch(/DigestDoesNotMatch/);
  });

  test('another package than the ticket names', async () => {
    const other = await user.publish(v1!);
    expect(await upgrade(v2!, { packageId: other.packageId })).toMatch(/PackageIDDoesNotMatch/);
    expect(await upgrade(v2!, { packageId: '0x2' })).toMatch(/PackageIDDoesNotMatch/);
    await expect(
      user.execute(upgradeTransaction(published, v2!, { packageId: published.capId })),
    ).rejects.toThrow();
    await expect(user.execute(upgradeTransaction(published, v2!, { packageId: '0xabc' }))).rejects.toThrow();
  });

  test('something else than a ticket', async () => {
    const { packageId } = published;
    const withTicket = (make: (tx: Transaction) => unknown) => {
      const tx = new Transaction();
      tx.upgrade({ ...plain(v2!), package: packageId, ticket: make(tx) as never });
      return failureOf(tx);
    };
    expect(await withTicket((tx) => tx.pure.u64(0))).toMatch(/InvalidUsageOfPureArg/);
    expect(await withTicket((tx) => tx.object(published.capId))).toMatch(/TypeMismatch/);
    expect(await withTicket((tx) => tx.gas)).toMatch(/TypeMismatch/);
  });

  test('a ticket that was used', async () => {
    const transaction = upgradeTransaction(published, v2!);
    const ticket = { $kind: 'Result', Result: 0 } as never;
    transaction.upgrade({ ...plain(v2!), package: published.packageId, ticket });
    expect(await failureOf(transaction)).toMatch(/InvalidValueUsage/);
  });

  test('a second ticket before the first upgrade is committed', async () => {
    const authorize = (tx: Transaction) =>
      tx.moveCall({
        target: '0x2::package::authorize_upgrade',
        arguments: [tx.object(published.capId), tx.pure.u8(0), tx.pure.vector('u8', [])],
      });
    const transaction = new Transaction();
    authorize(transaction);
    authorize(transaction);
    expect(await failureOf(transaction)).toMatch(aborted('::package::authorize_upgrade', 2));
  });

  test('a receipt that is not committed, and a ticket that is not used', async () => {
    expect(await upgrade(v2!, { finish: () => undefined })).toMatch(/UnusedValueWithoutDrop/);
    const ticket = call('0x2::package::authorize_upgrade', (tx) => [
      tx.object(published.capId),
      tx.pure.u8(0),
      tx.pure.vector('u8', []),
    ]);
    expect(await failureOf(ticket)).toMatch(/UnusedValueWithoutDrop/);
  });

  test('a receipt of another cap', async () => {
    const other = await user.publish(v1!);
    const finish = (tx: Transaction, receipt: unknown) =>
      tx.moveCall({
        target: '0x2::package::commit_upgrade',
        arguments: [tx.object(other.capId), receipt as never],
      });
    expect(await upgrade(v2!, { finish })).toMatch(aborted('::package::commit_upgrade', 4));
  });

  test('a policy that nobody knows', async () => {
    expect(await upgrade(v2!, { policy: 1 })).toMatch(/UnknownUpgradePolicy/);
  });

  test('bytecode of another address, and bytes that are none', async () => {
    const none = { ...v2!, modules: [Uint8Array.of(1, 2, 3)] };
    expect(await upgrade(none)).toMatch(/VMVerificationOrDeserializationError/);
    const renamed = v2!.modules.map((module) => withSelf(module, published.packageId));
    expect(await upgrade({ ...v2!, modules: renamed })).toMatch(/PublishErrorNonZeroAddress/);
  });

  test('what breaks users of the old version, by policy', async () => {
    const broken = await compile(V1.replace('public fun version(): u64 { 1 }', ''));
    expect(await upgrade(broken)).toMatch(/IncompatibleUpgrade/);
    const changed = await compile(V1.replace('{ 1 }', '{ 5 }'));
    expect(await upgrade(changed, { policy: 128 })).toMatch(/IncompatibleUpgrade/);
    const grown = await compile(`${V1}public fun more(): u64 { 1 }`);
    expect(await upgrade(grown, { policy: 192 })).toMatch(/IncompatibleUpgrade/);
    const lost = await compile(
      V1.replace('public struct Made', 'public struct Mode')
        .replaceAll('Made {', 'Mode {')
        .replaceAll(', Made>', ', Mode>'),
    );
    expect(await upgrade(lost)).toMatch(/IncompatibleUpgrade/);
  });

  test('the reason comes in the fields of the status', async () => {
    const transaction = upgradeTransaction(published, v2!, { policy: 1 });
    const { digest } = await user.execute(transaction);
    const { response } = await user.client.ledgerService.getTransaction({
      digest,
      readMask: { paths: ['effects.status'] },
    });
    const { PackageUpgradeError_PackageUpgradeErrorKind: Kind } = GrpcTypes;
    expect(response.transaction!.effects!.status!.error!.errorDetails).toMatchObject({
      packageUpgradeError: { kind: Kind.UNKNOWN_UPGRADE_POLICY, policy: 1 },
    });
  });

  test('a failed upgrade leaves nothing', async () => {
    expect(await capOf(published)).toMatchObject({ package: published.packageId, version: '1' });
  });

  test('more than the cap allows, once its policy is tightened; it cannot be loosened', async () => {
    await restrict('only_additive_upgrades');
    expect(await upgrade(v2!, { policy: 0 })).toMatch(aborted('::package::authorize_upgrade', 1));
    published = await user.upgrade(published, await compile(`${V1}public fun more(): u64 { 1 }`), {
      policy: 128,
    });
    await restrict('only_dep_upgrades');
    expect(await upgrade(v2!, { policy: 128 })).toMatch(aborted('::package::authorize_upgrade', 1));
    const loosen = call('0x2::package::only_additive_upgrades', (tx) => [tx.object(published.capId)]);
    expect(await failureOf(loosen)).toMatch(aborted('::package::restrict', 1));
    expect(await capOf(published)).toMatchObject({ version: '2', policy: 192 });
  });

  test('everything, once the package is immutable', async () => {
    await restrict('make_immutable');
    await expect(user.execute(upgradeTransaction(published, v2!))).rejects.toThrow(/deleted|not found/i);
  });
});

test("the compiler's own digest is the one that a ticket needs", async () => {
  const files = { 'Move.toml': MANIFEST, 'sources/lib.move': `module pkg::lib;\n${V1}` };
  const built = await dumpMovePackage({ files, resolvedDependencies: await resolvePackage(files, []) });
  if ('error' in built) throw new Error(built.error);
  const modules = built.modules.map((module) => Buffer.from(module, 'base64'));
  expect(Buffer.from(digestOfCode({ modules, dependencies: built.dependencies }))).toEqual(
    Buffer.from(built.digest),
  );
  const published = await user.publish({ modules, dependencies: built.dependencies });
  await user.upgrade(
    published,
    { modules, dependencies: built.dependencies },
    { digest: Uint8Array.from(built.digest) },
  );
});

test('an upgrade can be simulated, and a simulated package is nowhere afterwards', async () => {
  const published = await user.publish(v1!);
  const transaction = upgradeTransaction(published, v2!);
  transaction.setSender(user.signer.toSuiAddress());
  const include = { effects: true } as const;
  const { Transaction: simulated } = await user.client.simulateTransaction({ transaction, include });
  expect(simulated!.status.success).toBe(true);
  const created = simulated!.effects.changedObjects.filter(({ idOperation }) => idOperation === 'Created');
  expect(created).toHaveLength(1);
  const [{ objectId }] = created as unknown as [{ objectId: string }];
  await expect(user.client.getObject({ objectId })).rejects.toThrow();
  const module = { address: objectId, name: 'lib' };
  expect(() => devnet.chain.vm.signature(module, 'version', [])).toThrow(/Cannot find function/);
  await expect(user.execute(call(`${objectId}::lib::version`))).rejects.toThrow(/does not exist|not found/);
  expect(await capOf(published)).toMatchObject({ version: '1' });
});

test('all versions survive a restart, and the newest can be upgraded after it', async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'devnet-upgrade-'));
  try {
    let chain = await startDevnet({ stateDir });
    const before = userOf(chain);
    const first = await before.publish(v1!);
    const second = await before.upgrade(first, v2!);
    await chain.close();
    chain = await startDevnet({ stateDir });
    const after = userOf(chain);
    const third = await after.upgrade(second, v3!);
    const { response } = await after.client.movePackageService.listPackageVersions({
      packageId: first.packageId,
    });
    expect(response.versions.map(({ packageId }) => packageId)).toEqual(
      [first, second, third].map(({ packageId }) => packageId),
    );
    const { events } = await after.run(call(`${third.packageId}::lib::late`, (tx) => [tx.pure.u64(3)]));
    expect(events).toMatchObject([
      { eventType: `${second.packageId}::lib::Late`, packageId: third.packageId },
    ]);
    await chain.close();
  } finally {
    await rm(stateDir, { recursive: true });
  }
});

test('bytecode that no compiler made is published or refused, and the chain goes on', async () => {
  const source = `${V1}\nfun init(ctx: &mut TxContext) { transfer::transfer(make(1, ctx), ctx.sender()) }`;
  const { modules, dependencies } = await compilePackage({ lib: source });
  const [good] = modules as [Uint8Array];
  const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
  const publishes = async (changes: [number, number][]) => {
    const mutant = Uint8Array.from(good);
    for (const [at, value] of changes) mutant[at] = value;
    const transaction = new Transaction();
    const cap = transaction.publish(plain({ modules: [mutant], dependencies }));
    transaction.transferObjects([cap], user.signer.toSuiAddress());
    // What is refused costs gas all the same; an error of the devnet itself would reject.
    expect(await failureOf(transaction)).not.toMatch(/InvariantViolation/);
  };
  await fc.assert(fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 2 }), publishes), {
    numRuns: 200,
  });
  await user.publish({ modules, dependencies });
}, 60_000);

const MANIFEST = '[package]\nname = "pkg"\nedition = "2024"\n[addresses]\npkg = "0x0"\n';

/** Bytecode whose own address is already filled in. */
function withSelf(module: Uint8Array, address: string): Uint8Array {
  return withPackageAddress(module, bcs.Address.serialize(address).toBytes());
}
