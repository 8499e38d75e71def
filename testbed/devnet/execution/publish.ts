import { fromBase64 } from '@mysten/bcs';
import { bcs } from '@mysten/sui/bcs';
import { blake2b } from '@noble/hashes/blake2.js';
import type { ChainObject, PackageData } from '../transaction/object.ts';
import { packageCode } from '../transaction/package-code.ts';
import { ADDRESS_2 } from '../transaction/type-name.ts';
import { type Policy, policyOf } from '../vm/compatibility.ts';
import { summarizeModule } from '../vm/publish.ts';
import type { Address, ModuleSummary, PackageCode } from '../vm/types.ts';
import { withPackageAddress } from './bytecode-address.ts';
import type { CommandContext } from './commands.ts';
import { argumentFailure, ExecutionFailure, type FailureStatus, failure } from './failure.ts';
import { chargePublishing } from './metering.ts';
import { typeOrigins } from './type-origins.ts';
import { OBJECT, type Slot, take } from './values.ts';

type Command = (typeof bcs.Command)['$inferType'];
type Publish = Extract<Command, { $kind: 'Publish' }>['Publish'];
type Upgrade = Extract<Command, { $kind: 'Upgrade' }>['Upgrade'];
type UpgradeError = Extract<
  FailureStatus,
  { PackageUpgradeError: unknown }
>['PackageUpgradeError']['upgradeError'];

const NO_ADDRESS: Address = `0x${'0'.repeat(64)}`;
const TICKET_TYPE = `${ADDRESS_2}::package::UpgradeTicket`;
const RECEIPT_TYPE = `${ADDRESS_2}::package::UpgradeReceipt`;
const PROMISE: Slot['abilities'] = { copy: false, drop: false, store: false, key: false };

/** `0x2::package::UpgradeCap` */
const UpgradeCap = bcs.struct('UpgradeCap', {
  id: bcs.Address,
  package: bcs.Address,
  version: bcs.u64(),
  policy: bcs.u8(),
});
/** `0x2::package::UpgradeTicket` */
const UpgradeTicket = bcs.struct('UpgradeTicket', {
  cap: bcs.Address,
  package: bcs.Address,
  policy: bcs.u8(),
  digest: bcs.byteVector(),
});
/** `0x2::package::UpgradeReceipt` */
const UpgradeReceipt = bcs.struct('UpgradeReceipt', { cap: bcs.Address, package: bcs.Address });

/** Makes a package and the right to upgrade it. @throws {ExecutionFailure} */
export function publish(context: CommandContext, { modules, dependencies }: Publish): Slot[] {
  const { vm, session } = context;
  const raw = modules.map(fromBase64);
  chargePublishing(session.meter, raw);
  const id = session.newId();
  const code = new NewCode(raw, id);
  const linkage = linkageTable(code, dependenciesOf(context, dependencies));
  const data = {
    kind: 'package',
    modules: code.sorted,
    typeOrigins: typeOrigins(id, code.named),
    linkage,
  } as const;
  vm.checkPackage(code.bytes, dependencies);
  context.addPackage(id, 1n, data);
  for (const { hasInit, id: module } of code.summaries) if (hasInit) vm.init(session, module);
  const cap = { id: session.newId(), package: id, version: 1, policy: 0 };
  const type = `${ADDRESS_2}::package::UpgradeCap`;
  return [{ type, abilities: OBJECT, bcs: UpgradeCap.serialize(cap).toBytes() }];
}

/** Makes the next version of a package, as a ticket allows, and a receipt. @throws {ExecutionFailure} */
export function upgrade(context: CommandContext, command: Upgrade): Slot[] {
  const { vm, session } = context;
  const raw = command.modules.map(fromBase64);
  chargePublishing(session.meter, raw);
  const ticket = takeTicket(context, command, raw);
  const before = context.package(command.package)!;
  const current = packageCode(before)!;
  const code = new NewCode(raw, current.originalId);
  const id = session.newId();
  const linkage = linkageTable(code, dependenciesOf(context, command.dependencies));
  const origins = typeOrigins(id, code.named, (before.data as PackageData).typeOrigins);
  checkTypesKept(current, origins);
  vm.checkPackage(code.bytes, command.dependencies);
  checkCompatible(ticket.policy, current, code);
  context.addPackage(id, before.version + 1n, {
    kind: 'package',
    modules: code.sorted,
    typeOrigins: origins,
    linkage,
  });
  for (const { hasInit, id: module } of code.summaries)
    if (hasInit && !current.modules.has(module.name)) vm.init(session, { address: id, name: module.name });
  const receipt = UpgradeReceipt.serialize({ cap: ticket.cap, package: id }).toBytes();
  return [{ type: RECEIPT_TYPE, abilities: PROMISE, bcs: receipt }];
}

function takeTicket(context: CommandContext, command: Upgrade, modules: Uint8Array[]) {
  const slot = context.values.slot(command.ticket, 0);
  if (slot.type === undefined && !slot.receiving) throw argumentFailure(0, { InvalidUsageOfPureArg: true });
  if (slot.type !== TICKET_TYPE) throw argumentFailure(0, { TypeMismatch: true });
  const ticket = UpgradeTicket.parse(take(slot, 0));
  const { package: packageId } = command;
  if (packageId !== ticket.package)
    throw upgradeFailure({ PackageIDDoesNotMatch: { packageId, ticketId: ticket.package } });
  const digest = packageDigest(modules, command.dependencies);
  if (Buffer.compare(digest, Uint8Array.from(ticket.digest)) !== 0)
    throw upgradeFailure({ DigestDoesNotMatch: { digest } });
  return ticket;
}

/** What an upgrade ticket names its bytecode by: as `MovePackage::compute_digest_for_modules_and_deps`. */
function packageDigest(modules: Uint8Array[], dependencies: Address[]): Uint8Array {
  const parts = [
    ...modules.map((module) => blake2b(module, { dkLen: 32 })),
    ...dependencies.map((id) => bcs.Address.serialize(id).toBytes()),
  ];
  return blake2b(Buffer.concat(parts.sort(Buffer.compare)), { dkLen: 32 });
}

/** Modules of a transaction, which call their own package 0x0, as the package that they become part of. */
class NewCode {
  readonly bytes: Uint8Array[];
  readonly summaries: ModuleSummary[];

  /** @throws {ExecutionFailure} `PublishErrorNonZeroAddress`, or {VmError} when one is no module */
  constructor(modules: Uint8Array[], address: Address) {
    const isOther = modules.some((module) => summarizeModule(module).id.address !== NO_ADDRESS);
    if (isOther) throw failure('PublishErrorNonZeroAddress');
    const bytes = bcs.Address.serialize(address).toBytes();
    this.bytes = modules.map((module) => addressed(module, bytes));
    this.summaries = this.bytes.map(summarizeModule);
  }

  /** In the order of the transaction. */
  get named(): [string, Uint8Array][] {
    return this.bytes.map((code, index) => [this.summaries[index]!.id.name, code]);
  }

  /** As packages keep them. */
  get sorted(): Map<string, Uint8Array> {
    return new Map(this.named.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

function addressed(module: Uint8Array, address: Uint8Array): Uint8Array {
  try {
    return withPackageAddress(module, address);
  } catch (cause) {
    throw failure('VMVerificationOrDeserializationError', (cause as Error).message);
  }
}

function dependenciesOf(context: CommandContext, ids: Address[]): PackageCode[] {
  return [...new Set(ids)].sort().map((id) => {
    const object: ChainObject | undefined = context.package(id);
    if (!object) throw failure('PublishUpgradeMissingDependency', `Package ${id} does not exist`);
    return packageCode(object)!;
  });
}

/** Which version of each package the new one runs with: all of them must be named, in versions that suit each other. */
function linkageTable({ summaries }: NewCode, dependencies: PackageCode[]): PackageData['linkage'] {
  const byOriginal = new Map(dependencies.map((code) => [code.originalId, code]));
  const needed = (id: Address) => {
    const code = byOriginal.get(id);
    if (!code) throw failure('PublishUpgradeMissingDependency', `Dependency ${id} is not declared`);
    return code;
  };
  for (const { dependencies: ids } of summaries) for (const id of ids) needed(id);
  for (const { id, linkage } of dependencies) {
    for (const [originalId, { version }] of linkage) {
      if (needed(originalId).version < version)
        throw failure(
          'PublishUpgradeDependencyDowngrade',
          `Package ${id} needs a later version of ${originalId}`,
        );
    }
  }
  return new Map(
    [...byOriginal]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([originalId, { id, version }]) => [
        originalId,
        { upgradedId: id, upgradedVersion: version.toString() },
      ]),
  );
}

function checkTypesKept({ origins }: PackageCode, kept: PackageData['typeOrigins']): void {
  const paths = new Set(kept.map(({ moduleName, datatypeName }) => `${moduleName}::${datatypeName}`));
  const lost = [...origins.keys()].find((path) => !paths.has(path));
  if (lost) throw upgradeFailure({ IncompatibleUpgrade: true }, `Type ${lost} is missing`);
}

function checkCompatible(policyNumber: number, { modules }: PackageCode, code: NewCode): void {
  const policy: Policy | undefined = policyOf(policyNumber);
  if (!policy) throw upgradeFailure({ UnknownUpgradePolicy: { policy: policyNumber } });
  const reason = policy(modules, code.sorted);
  if (reason) throw upgradeFailure({ IncompatibleUpgrade: true }, reason);
}

function upgradeFailure(
  upgradeError: UpgradeError,
  reason = Object.keys(upgradeError)[0]!,
): ExecutionFailure {
  return new ExecutionFailure({ PackageUpgradeError: { upgradeError } }, `Cannot upgrade: ${reason}`);
}
