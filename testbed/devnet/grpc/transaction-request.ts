/** Reads `sui.rpc.v2.Transaction` as simulation gets it: possibly without versions, gas price, budget or payment. */
import { toBase64 } from '@mysten/bcs';
import { bcs } from '@mysten/sui/bcs';
import { GrpcTypes } from '@mysten/sui/grpc';
import { normalizeSuiAddress } from '@mysten/sui/utils';
import type { Chain } from '../chain/chain.ts';
import { DevnetError, unsupported } from '../error.ts';
import type { CommandArgument } from '../execution/values.ts';
import { GAS } from '../protocol.ts';
import type { TransactionData } from '../transaction/inputs.ts';
import { type ChainObject, encodeObject } from '../transaction/object.ts';
import { ADDRESS_2, typeName } from '../transaction/type-name.ts';
import type { Parameter } from '../vm/types.ts';

const { Argument_ArgumentKind: ArgumentKind, Input_InputKind: InputKind } = GrpcTypes;
const { TransactionExpiration_TransactionExpirationKind: ExpirationKind } = GrpcTypes;

type Command = typeof bcs.Command.$inferType;
type CallArg = typeof bcs.CallArg.$inferType;

/** A transaction with its inputs resolved; budget and payment may still be open. */
export interface ResolvedRequest {
  data: TransactionData;
  hasBudget: boolean;
}

/** Resolves a transaction message against the present state. @throws {DevnetError} */
export function resolveRequest(chain: Chain, message: GrpcTypes.Transaction): ResolvedRequest {
  if (message.bcs?.value) return { data: parseData(message.bcs.value), hasBudget: true };
  if (message.kind?.data.oneofKind !== 'programmableTransaction')
    throw invalid('not a programmable transaction');
  const { inputs, commands } = message.kind.data.programmableTransaction;
  const resolved = commands.map((command) => readCommand(command));
  const uses = inputUses(chain, resolved);
  const sender = normalizeSuiAddress(message.sender ?? '0x0');
  const payment = message.gasPayment;
  const data = {
    kind: {
      $kind: 'ProgrammableTransaction',
      ProgrammableTransaction: {
        inputs: inputs.map((input, index) => readInput(chain, input, uses.get(index) ?? [])),
        commands: resolved,
      },
    },
    sender,
    gasData: {
      payment: (payment?.objects ?? []).map((object) => readReference(chain, object)),
      owner: normalizeSuiAddress(payment?.owner ?? sender),
      price: (payment?.price ?? GAS.referencePrice).toString(),
      budget: (payment?.budget ?? 0n).toString(),
    },
    expiration: readExpiration(message.expiration),
  } as TransactionData;
  return { data: checked(data), hasBudget: payment?.budget !== undefined };
}

/** Addresses, digests and numbers are looked at when they are written as BCS. */
function checked(data: TransactionData): TransactionData {
  try {
    return bcs.TransactionData.parse(bcs.TransactionData.serialize({ V1: data }).toBytes()).V1;
  } catch (cause) {
    throw invalid((cause as Error).message, { cause });
  }
}

function parseData(bytes: Uint8Array): TransactionData {
  try {
    return bcs.TransactionData.parse(bytes).V1;
  } catch (cause) {
    throw invalid('not the BCS of a TransactionData', { cause });
  }
}

/** How the parameter or command that an input goes to uses it. */
type Use = Pick<Parameter, 'passing' | 'type'>;
const BY_VALUE: Use = { passing: 'value', type: '' };

function inputUses(chain: Chain, commands: Command[]): Map<number, Use[]> {
  const uses = new Map<number, Use[]>();
  const add = (argument: CommandArgument, use: Use) => {
    if (argument.$kind === 'Input') uses.set(argument.Input, [...(uses.get(argument.Input) ?? []), use]);
  };
  for (const command of commands) {
    if (command.$kind === 'MoveCall') {
      const parameters = callParameters(chain, command.MoveCall);
      for (const [index, argument] of command.MoveCall.arguments.entries())
        add(argument, parameters[index] ?? BY_VALUE);
    } else {
      for (const argument of objectArguments(command)) add(argument, BY_VALUE);
    }
  }
  return uses;
}

function callParameters(chain: Chain, call: Extract<Command, { $kind: 'MoveCall' }>['MoveCall']): Use[] {
  if (chain.store.object(call.package)?.data.kind !== 'package') {
    throw new DevnetError('NOT_FOUND', `Package ${call.package} does not exist`);
  }
  const module = { address: call.package, name: call.module };
  try {
    return chain.vm.signature(module, call.function, call.typeArguments.map(typeName)).parameters;
  } catch (cause) {
    throw invalid((cause as Error).message, { cause });
  }
}

function objectArguments(command: Exclude<Command, { $kind: 'MoveCall' }>): CommandArgument[] {
  switch (command.$kind) {
    case 'TransferObjects':
      return command.TransferObjects.objects;
    case 'SplitCoins':
      return [command.SplitCoins.coin];
    case 'MergeCoins':
      return [command.MergeCoins.destination, ...command.MergeCoins.sources];
    case 'MakeMoveVec':
      return command.MakeMoveVec.elements;
    default:
      return [];
  }
}

function readInput(chain: Chain, input: GrpcTypes.Input, uses: Use[]): CallArg {
  if (input.pure !== undefined) return { $kind: 'Pure', Pure: { bytes: toBase64(input.pure) } };
  if (input.objectId === undefined) throw unsupported(`Input kind ${InputKind[input.kind ?? 0]}`);
  const id = normalizeSuiAddress(input.objectId);
  const object = liveObject(chain, id);
  return { $kind: 'Object', Object: objectInput(object, input, uses) } as CallArg;
}

function objectInput(object: ChainObject, input: GrpcTypes.Input, uses: Use[]) {
  const { owner } = object;
  if (owner.kind === 'shared') {
    const mutable = input.mutable ?? uses.some(({ passing }) => passing !== 'reference');
    const SharedObject = {
      objectId: object.id,
      initialSharedVersion: owner.initialVersion.toString(),
      mutable,
    };
    return { $kind: 'SharedObject', SharedObject };
  }
  const reference = {
    objectId: object.id,
    version: (input.version ?? object.version).toString(),
    digest: input.digest ?? encodeObject(object).digest,
  };
  const isReceiving =
    input.kind === InputKind.RECEIVING ||
    uses.some(({ type }) => type.startsWith(`${ADDRESS_2}::transfer::Receiving<`));
  if (isReceiving) return { $kind: 'Receiving', Receiving: reference };
  return { $kind: 'ImmOrOwnedObject', ImmOrOwnedObject: reference };
}

function liveObject(chain: Chain, id: string): ChainObject {
  const object = chain.store.object(id);
  if (object === undefined) throw new DevnetError('NOT_FOUND', `Object ${id} not found`);
  return object;
}

function readReference(chain: Chain, { objectId, version, digest }: GrpcTypes.ObjectReference) {
  const object = liveObject(chain, normalizeSuiAddress(objectId ?? ''));
  return {
    objectId: object.id,
    version: (version ?? object.version).toString(),
    digest: digest ?? encodeObject(object).digest,
  };
}

function readExpiration(expiration: GrpcTypes.TransactionExpiration | undefined) {
  switch (expiration?.kind) {
    case undefined:
    case ExpirationKind.NONE:
      return { $kind: 'None', None: true };
    case ExpirationKind.EPOCH:
      return { $kind: 'Epoch', Epoch: Number(expiration.epoch) };
    case ExpirationKind.VALID_DURING: {
      const { minEpoch, epoch, minTimestamp, maxTimestamp, chain, nonce = 0 } = expiration!;
      const window = { minEpoch: minEpoch ?? null, maxEpoch: epoch ?? null };
      // No timestamp is accepted, so which one it is makes no difference.
      const times = { minTimestamp: minTimestamp ? 0 : null, maxTimestamp: maxTimestamp ? 0 : null };
      return { $kind: 'ValidDuring', ValidDuring: { ...window, ...times, chain, nonce } };
    }
    default:
      throw unsupported(`Transaction expiration ${ExpirationKind[expiration!.kind!]}`);
  }
}

function readCommand({ command }: GrpcTypes.Command): Command {
  const input = commandInput(command);
  try {
    return bcs.Command.parse(bcs.Command.serialize(input).toBytes());
  } catch (cause) {
    throw invalid((cause as Error).message, { cause });
  }
}

function commandInput(command: GrpcTypes.Command['command']): typeof bcs.Command.$inferInput {
  switch (command.oneofKind) {
    case 'moveCall': {
      const { package: packageId = '', module = '', function: name = '', typeArguments } = command.moveCall;
      return {
        MoveCall: {
          package: packageId,
          module,
          function: name,
          typeArguments,
          arguments: command.moveCall.arguments.map(readArgument),
        },
      };
    }
    case 'transferObjects': {
      const { objects, address } = command.transferObjects;
      return { TransferObjects: { objects: objects.map(readArgument), address: readArgument(address) } };
    }
    case 'splitCoins': {
      const { coin, amounts } = command.splitCoins;
      return { SplitCoins: { coin: readArgument(coin), amounts: amounts.map(readArgument) } };
    }
    case 'mergeCoins': {
      const { coin, coinsToMerge } = command.mergeCoins;
      return { MergeCoins: { destination: readArgument(coin), sources: coinsToMerge.map(readArgument) } };
    }
    case 'publish':
      return { Publish: command.publish };
    case 'makeMoveVector': {
      const { elementType, elements } = command.makeMoveVector;
      return { MakeMoveVec: { type: elementType ?? null, elements: elements.map(readArgument) } };
    }
    case 'upgrade': {
      const { modules, dependencies, package: packageId = '', ticket } = command.upgrade;
      return { Upgrade: { modules, dependencies, package: packageId, ticket: readArgument(ticket) } };
    }
    default:
      throw invalid('empty command');
  }
}

function readArgument(argument: GrpcTypes.Argument | undefined) {
  switch (argument?.kind) {
    case ArgumentKind.GAS:
      return { GasCoin: true } as const;
    case ArgumentKind.INPUT:
      return { Input: argument.input! };
    case ArgumentKind.RESULT:
      if (argument.subresult === undefined) return { Result: argument.result! };
      return { NestedResult: [argument.result!, argument.subresult] as [number, number] };
    default:
      throw invalid('argument without a kind');
  }
}

function invalid(reason: string, options?: ErrorOptions): DevnetError {
  return new DevnetError('INVALID_ARGUMENT', `Cannot read transaction: ${reason}`, options);
}
