import { bcs } from '@mysten/sui/bcs';
import { type ChainObject, coinBalance, coinContents, type PackageData } from '../transaction/object.ts';
import { ADDRESS_2, coinTypeOf, typeName } from '../transaction/type-name.ts';
import { argumentsOf } from '../transaction/validity.ts';
import type { Address, FunctionSignature, ModuleId, MoveVm, Parameter, Session } from '../vm/types.ts';
import { checkEntry, entangle } from './entanglement.ts';
import { argumentFailure, ExecutionFailure, failure, fromVmError } from './failure.ts';
import { chargeCall, chargeCommand, chargePure, chargeReceiving } from './metering.ts';
import { publish, upgrade } from './publish.ts';
import {
  borrow,
  borrowMutably,
  type CommandArgument,
  OBJECT,
  type Slot,
  take,
  type Values,
} from './values.ts';

type Command = (typeof bcs.Command)['$inferType'];
type MoveCall = Extract<Command, { $kind: 'MoveCall' }>['MoveCall'];

const RECEIVING_PREFIX = `${ADDRESS_2}::transfer::Receiving<`;
/** Functions of `sui::transfer` for an object's own module alone; each has a `public_` sibling for everybody. */
const PRIVATE_TRANSFERS = ['transfer', 'freeze_object', 'share_object', 'receive'];

/** What the commands of one transaction work on. */
export interface CommandContext {
  vm: MoveVm;
  session: Session;
  values: Values;
  /** References among the parameters and results of calls so far. */
  references: number;
  /** @returns a package that exists or was published by an earlier command */
  package(id: Address): ChainObject | undefined;
  /** Makes a package visible to the commands that follow. @throws {ExecutionFailure} `MovePackageTooBig` */
  addPackage(id: Address, version: bigint, data: PackageData): void;
}

/** What a command returned and changed, as simulation reports it. */
export interface CommandOutput {
  returns: { type: string; bcs: Uint8Array }[];
  mutated: { argument: CommandArgument; type: string; bcs: Uint8Array }[];
}

/** Runs one command and appends its results to the values. @throws {ExecutionFailure} */
export function runCommand(context: CommandContext, command: Command): CommandOutput {
  try {
    const mutated: CommandOutput['mutated'] = [];
    chargeCommand(context.session.meter, command);
    const results = dispatch(context, command, mutated);
    entangle(
      argumentsOf(command).map((argument, index) => context.values.slot(argument, index)),
      results,
    );
    context.values.results.push(results);
    return { returns: results.map((slot) => ({ type: slot.type!, bcs: slot.bcs! })), mutated };
  } catch (error) {
    throw fromVmError(error);
  }
}

function dispatch(context: CommandContext, command: Command, mutated: CommandOutput['mutated']): Slot[] {
  switch (command.$kind) {
    case 'MoveCall':
      return moveCall(context, command.MoveCall, mutated);
    case 'TransferObjects':
      return transferObjects(context, command.TransferObjects);
    case 'SplitCoins':
      return splitCoins(context, command.SplitCoins);
    case 'MergeCoins':
      return mergeCoins(context, command.MergeCoins);
    case 'MakeMoveVec':
      return makeMoveVec(context, command.MakeMoveVec);
    case 'Publish':
      return publish(context, command.Publish);
    case 'Upgrade':
      return upgrade(context, command.Upgrade);
  }
}

function moveCall(context: CommandContext, call: MoveCall, mutated: CommandOutput['mutated']): Slot[] {
  const { vm, session, values } = context;
  checkPrivate(call);
  if (context.package(call.package) === undefined) {
    throw failure('FunctionNotFound', `Package ${call.package} does not exist`);
  }
  const module: ModuleId = { address: call.package, name: call.module };
  const typeArguments = call.typeArguments.map(typeName);
  const signature = vm.signature(module, call.function, typeArguments);
  checkCallable(signature, call.function);
  chargeCall(session.meter, signature, context.references);
  context.references += signature.weight.references;
  if (call.arguments.length !== signature.parameters.length) throw failure('ArityMismatch');
  const slots = call.arguments.map((argument, index) => values.slot(argument, index));
  checkBorrows(signature.parameters, slots);
  const bytes = signature.parameters.map((parameter, index) =>
    pass(context, parameter, slots[index]!, index),
  );
  checkEntry(signature, slots);
  const result = vm.call(session, { module, function: call.function, typeArguments, arguments: bytes });
  for (const change of result.mutated) {
    const slot = slots[change.argument]!;
    slot.bcs = change.bcs;
    slot.type ??= signature.parameters[change.argument]!.type;
    mutated.push({ argument: call.arguments[change.argument]!, type: slot.type, bcs: change.bcs });
  }
  return result.returns.map(({ type, bcs: contents }, index) => ({
    type,
    bcs: contents,
    abilities: signature.returns[index]!.abilities,
  }));
}

/** Sui's bytecode verifier lets only a type's own module emit, transfer, share, freeze or receive it: so here. */
function checkPrivate({ package: id, module, function: name }: MoveCall): void {
  if (id !== ADDRESS_2) return;
  if (module === 'event' || (module === 'transfer' && PRIVATE_TRANSFERS.includes(name)))
    throw failure('NonEntryFunctionInvoked', `Cannot directly call sui::${module}::${name}`);
}

/** Move's borrow rules across one call: what is borrowed mutably or moved is in use once, or a coin could be doubled. */
function checkBorrows(parameters: Parameter[], slots: Slot[]): void {
  const borrowed = new Map<Slot, 'reference' | 'mutable'>();
  for (const [index, slot] of slots.entries()) {
    const { passing } = parameters[index]!;
    const before = borrowed.get(slot);
    const isExclusive = passing === 'mutable' || (passing === 'value' && !slot.abilities.copy);
    if (before === 'mutable' || (before !== undefined && isExclusive))
      throw argumentFailure(index, { InvalidValueUsage: true });
    if (passing !== 'value') borrowed.set(slot, passing);
  }
}

function checkCallable(signature: FunctionSignature, name: string): void {
  if (signature.visibility !== 'public' && !signature.isEntry) {
    throw failure('NonEntryFunctionInvoked', `Function ${name} is neither public nor entry`);
  }
  const reference = signature.returns.findIndex(({ type }) => type.startsWith('&'));
  if (reference >= 0) {
    throw new ExecutionFailure(
      { InvalidPublicFunctionReturnType: { idx: reference } },
      `Function ${name} returns a reference`,
    );
  }
}

/** Checks that a slot fits a parameter and returns the bytes to pass. */
function pass(context: CommandContext, parameter: Parameter, slot: Slot, index: number): Uint8Array {
  const isReceiving = parameter.type.startsWith(RECEIVING_PREFIX);
  if (isReceiving !== (slot.receiving !== undefined)) throw argumentFailure(index, { TypeMismatch: true });
  if (slot.type === undefined && !isReceiving) {
    if (parameter.abilities.key) throw argumentFailure(index, { InvalidUsageOfPureArg: true });
    usePure(context, slot, parameter.type, borrow(slot, index));
  } else if (isReceiving) {
    chargeReceiving(context.session.meter);
  } else if (slot.type !== parameter.type) {
    throw argumentFailure(index, { TypeMismatch: true });
  }
  if (parameter.passing === 'reference') return borrow(slot, index);
  return parameter.passing === 'mutable' ? borrowMutably(slot, index) : take(slot, index);
}

function transferObjects(
  context: CommandContext,
  { objects, address }: Extract<Command, { $kind: 'TransferObjects' }>['TransferObjects'],
): Slot[] {
  const { session, values } = context;
  const recipientIndex = objects.length;
  const recipient = pureAs(context, values.slot(address, recipientIndex), 'address', recipientIndex);
  const owner = { kind: 'address', address: bcs.Address.parse(recipient) } as const;
  for (const [index, argument] of objects.entries()) {
    const slot = values.slot(argument, index);
    if (slot.type === undefined || !slot.abilities.key || !slot.abilities.store) {
      throw failure(
        'InvalidTransferObject',
        `Argument ${index} cannot be transferred: not an object with store`,
      );
    }
    if (slot.input?.owner.kind === 'shared') throw failure('SharedObjectOperationNotAllowed');
    // The one move that the gas coin allows; what is left of the budget follows it to its new owner.
    const contents = slot.isGas ? borrow(slot, index) : take(slot, index);
    slot.bcs = undefined;
    session.transfer({ type: slot.type, bcs: contents }, owner);
  }
  return [];
}

function splitCoins(
  context: CommandContext,
  { coin, amounts }: Extract<Command, { $kind: 'SplitCoins' }>['SplitCoins'],
): Slot[] {
  const { session, values } = context;
  const slot = values.slot(coin, 0);
  return amounts.map((argument, position) => {
    const amount = bcs.u64().parse(pureAs(context, values.slot(argument, position + 1), 'u64', position + 1));
    const left = coinBalance(coinBytes(slot, 0)) - BigInt(amount);
    if (left < 0n)
      throw failure(
        'InsufficientCoinBalance',
        `Cannot split ${amount} from a coin of ${left + BigInt(amount)}`,
      );
    slot.bcs = withBalance(slot.bcs!, left);
    return { type: slot.type, abilities: OBJECT, bcs: coinContents(session.newId(), BigInt(amount)) };
  });
}

function mergeCoins(
  { session, values }: CommandContext,
  { destination, sources }: Extract<Command, { $kind: 'MergeCoins' }>['MergeCoins'],
): Slot[] {
  const target = values.slot(destination, 0);
  for (const [position, argument] of sources.entries()) {
    const source = values.slot(argument, position + 1);
    if (source === target) throw argumentFailure(position + 1, { InvalidValueUsage: true });
    const sum = coinBalance(coinBytes(target, 0)) + coinBalance(coinBytes(source, position + 1));
    if (source.type !== target.type) throw argumentFailure(position + 1, { TypeMismatch: true });
    if (sum >= 1n << 64n) throw failure('CoinBalanceOverflow');
    session.deleteId(bcs.Address.parse(take(source, position + 1).subarray(0, 32)));
    target.bcs = withBalance(target.bcs!, sum);
  }
  return [];
}

function makeMoveVec(
  context: CommandContext,
  { type, elements }: Extract<Command, { $kind: 'MakeMoveVec' }>['MakeMoveVec'],
): Slot[] {
  const { values, vm } = context;
  const slots = elements.map((argument, index) => values.slot(argument, index));
  const isObject = slots[0]?.abilities.key === true;
  const element = type !== null ? vm.typeName(typeName(type)) : isObject ? slots[0]!.type : undefined;
  if (element === undefined) throw argumentFailure(0, { InvalidMakeMoveVecNonObjectArgument: true });
  const parts = slots.map((slot, index) => {
    if (slot.type === undefined) return pureAs(context, slot, element, index);
    if (slot.type !== element) throw argumentFailure(index, { TypeMismatch: true });
    return take(slot, index);
  });
  const length = bcs.uleb128().serialize(parts.length).toBytes();
  const abilities = { ...vm.abilities(element), key: false };
  return [{ type: `vector<${element}>`, abilities, bcs: new Uint8Array(Buffer.concat([length, ...parts])) }];
}

function pureAs(context: CommandContext, slot: Slot, type: string, index: number): Uint8Array {
  const bytes = borrow(slot, index);
  if (slot.type === undefined && slot.receiving === undefined) {
    usePure(context, slot, type, bytes);
    return bytes;
  }
  if (slot.type !== type) throw argumentFailure(index, { TypeMismatch: true });
  return take(slot, index);
}

function usePure({ vm, session }: CommandContext, slot: Slot, type: string, bytes: Uint8Array): void {
  chargePure(session.meter, slot, type, vm.checkPure(type, bytes));
}

function coinBytes(slot: Slot, index: number): Uint8Array {
  const bytes = borrowMutably(slot, index);
  if (slot.type === undefined || coinTypeOf(slot.type) === undefined)
    throw argumentFailure(index, { TypeMismatch: true });
  return bytes;
}

function withBalance(contents: Uint8Array, balance: bigint): Uint8Array {
  return coinContents(bcs.Address.parse(contents.subarray(0, 32)), balance);
}
