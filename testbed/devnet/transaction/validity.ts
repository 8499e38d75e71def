import { type bcs, type TypeTag, TypeTagSerializer } from '@mysten/sui/bcs';
import { normalizeSuiAddress } from '@mysten/sui/utils';
import { DevnetError } from '../error.ts';
import type { CommandArgument } from '../execution/values.ts';
import { TRANSACTION_LIMITS as LIMITS } from '../protocol.ts';
import type { Address } from '../vm/types.ts';

type Command = typeof bcs.Command.$inferType;

/** What Move allows as a name. */
const IDENTIFIER = /^(?:[A-Za-z][A-Za-z0-9_]*|_[A-Za-z0-9_]+)$/;

/**
 * Refuses what Sui refuses before it looks at any object (`ProgrammableTransaction::validity_check`).
 *
 * @throws {DevnetError} `INVALID_ARGUMENT`
 */
export function checkCommands(commands: readonly Command[]): void {
  limit(commands.length, LIMITS.commands, 'commands in a programmable transaction');
  const publishes = commands.filter(({ $kind }) => $kind === 'Publish' || $kind === 'Upgrade').length;
  if (publishes > LIMITS.publishes)
    throw invalid(`${publishes} packages published, at most ${LIMITS.publishes} may be`);
  for (const command of commands) checkCommand(command);
}

function checkCommand(command: Command): void {
  const args = argumentsOf(command);
  limit(args.length, LIMITS.arguments, 'arguments in a command');
  checkTypes(typesOf(command));
  if (command.$kind === 'MoveCall') {
    for (const name of [command.MoveCall.module, command.MoveCall.function])
      if (!IDENTIFIER.test(name)) throw invalid(`Value was not a valid identifier: ${JSON.stringify(name)}`);
    return;
  }
  const published = command.$kind === 'Publish' ? command.Publish : command.Upgrade;
  if (published !== undefined) {
    if (published.modules.length === 0) throw empty(command);
    limit(published.modules.length, LIMITS.modules, 'modules in a package');
    limit(published.dependencies.length, LIMITS.dependencies, 'dependencies of a package');
    return;
  }
  const isTypedVector = command.$kind === 'MakeMoveVec' && command.MakeMoveVec.type !== null;
  const least = command.$kind === 'MakeMoveVec' ? 1 : 2;
  if (args.length < least && !isTypedVector) throw empty(command);
}

/** @returns the arguments of a command, in the order in which its errors count them */
export function argumentsOf(command: Command): CommandArgument[] {
  switch (command.$kind) {
    case 'MoveCall':
      return command.MoveCall.arguments;
    case 'TransferObjects':
      return [...command.TransferObjects.objects, command.TransferObjects.address];
    case 'SplitCoins':
      return [command.SplitCoins.coin, ...command.SplitCoins.amounts];
    case 'MergeCoins':
      return [command.MergeCoins.destination, ...command.MergeCoins.sources];
    case 'MakeMoveVec':
      return command.MakeMoveVec.elements;
    case 'Publish':
      return [];
    case 'Upgrade':
      return [command.Upgrade.ticket];
  }
}

/** @returns the packages that commands name: Sui takes them as inputs, which must be there before the transaction */
export function packagesOf(commands: readonly Command[]): Set<Address> {
  const packages = new Set<Address>();
  for (const command of commands) {
    if (command.$kind === 'MoveCall') packages.add(command.MoveCall.package);
    if (command.$kind === 'Upgrade') packages.add(command.Upgrade.package);
    const { dependencies = [] } = command.Publish ?? command.Upgrade ?? {};
    for (const id of dependencies) packages.add(id);
    for (const type of typesOf(command)) visit(type, 1, (tag) => addPackage(tag, packages));
  }
  return packages;
}

function addPackage(tag: TypeTag, packages: Set<Address>): void {
  if ('struct' in tag) packages.add(normalizeSuiAddress(tag.struct.address));
}

function typesOf(command: Command): TypeTag[] {
  const names =
    command.$kind === 'MoveCall'
      ? command.MoveCall.typeArguments
      : command.$kind === 'MakeMoveVec' && command.MakeMoveVec.type !== null
        ? [command.MakeMoveVec.type]
        : [];
  return names.map((name) => TypeTagSerializer.parseFromStr(name, true));
}

function checkTypes(types: TypeTag[]): void {
  let count = 0;
  for (const type of types) {
    visit(type, 1, (_, depth) => {
      count += 1;
      limit(depth, LIMITS.typeDepth, 'depth of a type argument');
    });
  }
  limit(count, LIMITS.typeArguments, 'type arguments in a command');
}

/** Calls back for a type and each type in it. */
function visit(tag: TypeTag, depth: number, act: (tag: TypeTag, depth: number) => void): void {
  act(tag, depth);
  if ('vector' in tag) visit(tag.vector, depth + 1, act);
  if ('struct' in tag) for (const inner of tag.struct.typeParams as TypeTag[]) visit(inner, depth + 1, act);
}

function limit(value: number, bound: number, what: string): void {
  if (value >= bound) throw invalid(`Size limit exceeded: maximum ${what} is ${bound - 1}`);
}

function empty({ $kind }: Command): DevnetError {
  return invalid(`Empty input: ${$kind} needs something to act on`);
}

/** A transaction that is refused before it runs, at no cost. */
export function invalid(message: string): DevnetError {
  return new DevnetError('INVALID_ARGUMENT', `Error checking transaction input objects: ${message}`);
}
