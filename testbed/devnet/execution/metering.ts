import type { bcs } from '@mysten/sui/bcs';
import { TRANSACTION_COSTS } from '../protocol.ts';
import { objectSize } from '../transaction/gas.ts';
import { type LoadedInputs, programmable, type TransactionData } from '../transaction/inputs.ts';
import { SUI_COIN_TYPE } from '../transaction/type-name.ts';
import { argumentsOf } from '../transaction/validity.ts';
import type { GasMeter } from '../vm/gas/meter.ts';
import { REFERENCE } from '../vm/gas/size.ts';
import type { FunctionSignature, MoveVm } from '../vm/types.ts';
import type { Slot } from './values.ts';

type Command = (typeof bcs.Command)['$inferType'];

/** Abstract size of `Receiving { id: ID, version: u64 }`. */
const RECEIVING_SIZE = 44;
/** Packages of the chain itself, 0x1 and 0x2 here, cost nothing to read. */
const SYSTEM_PACKAGE = /^0x0{60}/;
const KILOBYTE = 1_000;

const { translation, linkageEntry } = TRANSACTION_COSTS;

/** Charges for reading a transaction and its inputs, before any command runs. @throws {VmError} `InsufficientGas` */
export function chargeInputs(meter: GasMeter, vm: MoveVm, data: TransactionData, loaded: LoadedInputs): void {
  chargeReading(meter, loaded);
  const { inputs, commands } = programmable(data);
  const pureBytes = loaded.slots.filter(isPure).map(({ bcs: bytes }) => Math.max(1, bytes!.length));
  const sizes = [inputs.length, ...pureBytes, ...commands.map(weightOf)];
  meter.deduct(sizes.reduce((sum, size) => sum + Math.max(1, size) * translation, 0));
  for (const { type, bcs: contents, input } of loaded.slots)
    if (input) chargeLoading(meter, vm.abstractSize(type!, contents!));
  const [coin] = loaded.gasCoins;
  if (coin?.data.kind === 'move') chargeLoading(meter, vm.abstractSize(SUI_COIN_TYPE, coin.data.contents));
}

function chargeReading(meter: GasMeter, { all, receiving, packages }: LoadedInputs): void {
  const objects = [...all.values()].filter(({ id }) => !receiving.has(id));
  const foreign = packages.filter(({ id }) => !SYSTEM_PACKAGE.test(id));
  const bytes = (list: typeof objects) => list.reduce((sum, object) => sum + objectSize(object), 0);
  meter.deduct(bytes(objects) * TRANSACTION_COSTS.readByte);
  meter.deduct(Math.ceil((bytes(foreign) * TRANSACTION_COSTS.readPackageKilobyte) / KILOBYTE));
}

/** Arguments of a command as Sui counts them for its translation: type arguments, modules and dependencies among them. */
function weightOf(command: Command): number {
  switch (command.$kind) {
    case 'MoveCall':
      return command.MoveCall.typeArguments.length + command.MoveCall.arguments.length;
    case 'Publish':
      return command.Publish.modules.length + command.Publish.dependencies.length;
    case 'Upgrade':
      return command.Upgrade.modules.length + command.Upgrade.dependencies.length + 2;
    case 'MakeMoveVec':
      return command.MakeMoveVec.elements.length + 1;
    default:
      return argumentsOf(command).length;
  }
}

/** Charges for the types, references and packages of a call; a reference costs the more, the more there were before. */
export function chargeCall(meter: GasMeter, { weight }: FunctionSignature, referencesBefore: number): void {
  const { types, references, packages } = weight;
  // Types are met twice: when the call is loaded, and when it is typed.
  meter.deduct(2 * types * translation + packages * linkageEntry);
  const sum = (count: number) => (count * (count + 1)) / 2;
  meter.deduct((sum(referencesBefore + references) - sum(referencesBefore)) * translation);
}

/** Charges for bytes that become a value of `type`: once, however often that is used. */
export function chargePure(meter: GasMeter, slot: Slot, type: string, size: number): void {
  if (slot.loadedAs === type) return;
  slot.loadedAs = type;
  chargeLoading(meter, size);
}

export function chargeReceiving(meter: GasMeter): void {
  chargeLoading(meter, RECEIVING_SIZE);
}

/** A value is put on the stack, and from there to where inputs are kept. */
function chargeLoading(meter: GasMeter, size: number): void {
  meter.charge(1, 1, 0, size);
  meter.charge(1, 0, 1, 0);
}

/** Charges for a command that is no call: each argument weighs as much as a reference. */
export function chargeCommand(meter: GasMeter, command: Command): void {
  if (command.$kind === 'MoveCall') return;
  const count = command.$kind === 'Publish' ? 0 : argumentsOf(command).length;
  meter.charge(count, count, 0, count * REFERENCE);
  if (command.$kind === 'SplitCoins' || command.$kind === 'MergeCoins') {
    meter.charge(1, 1, 0, REFERENCE);
    meter.charge(1, 0, 1, 0);
  }
  meter.charge(1, 0, count, 0);
}

/** Charges for bytecode to be verified. */
export function chargePublishing(meter: GasMeter, modules: Uint8Array[]): void {
  const bytes = modules.reduce((sum, module) => sum + module.length, 0);
  meter.deduct(bytes * TRANSACTION_COSTS.publishByte);
}

/** Charges for asking whether owners of coins other than SUI may have them. */
export function chargeCoinOwners(meter: GasMeter, count: number): void {
  meter.deduct(count * TRANSACTION_COSTS.coinOwnerBytes * TRANSACTION_COSTS.readByte);
}

function isPure({ type, receiving }: Slot): boolean {
  return type === undefined && receiving === undefined;
}
