import { fromBase64 } from '@mysten/bcs';
import { bcs } from '@mysten/sui/bcs';
import { GrpcTypes } from '@mysten/sui/grpc';
import type { CommandArgument } from '../execution/values.ts';
import type { TransactionData } from '../transaction/inputs.ts';
import type { Mask } from './mask.ts';

const {
  Argument_ArgumentKind: ArgumentKind,
  Input_InputKind: InputKind,
  TransactionKind_Kind: TransactionKind,
  EndOfEpochTransactionKind_Kind: EndOfEpochKindTag,
  TransactionExpiration_TransactionExpirationKind: ExpirationKind,
} = GrpcTypes;

type Command = typeof bcs.Command.$inferType;
type EndOfEpochKind = NonNullable<TransactionData['kind']['EndOfEpochTransaction']>[number];
type CallArg = typeof bcs.CallArg.$inferType;

/** @returns TransactionData as `sui.rpc.v2.Transaction` */
export function transactionMessage(bytes: Uint8Array, digest: string, mask: Mask): GrpcTypes.Transaction {
  const message: GrpcTypes.Transaction = {};
  if (mask.has('bcs')) message.bcs = { name: 'TransactionData', value: bytes };
  if (mask.has('digest')) message.digest = digest;
  if (!['version', 'kind', 'sender', 'gas_payment', 'expiration'].some((field) => mask.has(field)))
    return message;
  const { V1: data } = bcs.TransactionData.parse(bytes);
  if (mask.has('version')) message.version = 1;
  if (mask.has('kind')) message.kind = kindMessage(data);
  if (mask.has('sender')) message.sender = data.sender;
  if (mask.has('gas_payment')) message.gasPayment = gasPaymentMessage(data);
  if (mask.has('expiration')) message.expiration = expirationMessage(data);
  return message;
}

function kindMessage({ kind }: TransactionData): GrpcTypes.TransactionKind {
  switch (kind.$kind) {
    case 'ProgrammableTransaction': {
      const { inputs, commands } = kind.ProgrammableTransaction;
      const programmableTransaction = {
        inputs: inputs.map(inputMessage),
        commands: commands.map(commandMessage),
      };
      const data = { oneofKind: 'programmableTransaction', programmableTransaction } as const;
      return { kind: TransactionKind.PROGRAMMABLE_TRANSACTION, data };
    }
    case 'ConsensusCommitPrologue': {
      const { epoch, round, commitTimestampMs } = kind.ConsensusCommitPrologue;
      const commitTimestamp = timestampMessage(Number(commitTimestampMs));
      const consensusCommitPrologue = { epoch: BigInt(epoch), round: BigInt(round), commitTimestamp };
      const data = { oneofKind: 'consensusCommitPrologue', consensusCommitPrologue } as const;
      return { kind: TransactionKind.CONSENSUS_COMMIT_PROLOGUE_V1, data };
    }
    case 'Genesis':
      // Its objects are in the bytes and in the effects.
      return { kind: TransactionKind.GENESIS, data: { oneofKind: 'genesis', genesis: { objects: [] } } };
    case 'EndOfEpochTransaction': {
      const transactions = kind.EndOfEpochTransaction.map(endOfEpochMessage);
      const data = { oneofKind: 'endOfEpoch', endOfEpoch: { transactions } } as const;
      return { kind: TransactionKind.END_OF_EPOCH, data };
    }
    default:
      throw new TypeError(`Cannot render transaction kind ${kind.$kind}: never written by this chain`);
  }
}

function endOfEpochMessage({
  ChangeEpoch: change,
  $kind,
}: EndOfEpochKind): GrpcTypes.EndOfEpochTransactionKind {
  if (!change) throw new TypeError(`Cannot render ${$kind}: never written by this chain`);
  const changeEpoch = {
    epoch: BigInt(change.epoch),
    protocolVersion: BigInt(change.protocolVersion),
    storageCharge: BigInt(change.storageCharge),
    computationCharge: BigInt(change.computationCharge),
    storageRebate: BigInt(change.storageRebate),
    nonRefundableStorageFee: BigInt(change.nonRefundableStorageFee),
    epochStartTimestamp: timestampMessage(Number(change.epochStartTimestampMs)),
    systemPackages: [],
  };
  return { kind: EndOfEpochKindTag.CHANGE_EPOCH, data: { oneofKind: 'changeEpoch', changeEpoch } };
}

/** @returns milliseconds as `google.protobuf.Timestamp` */
export function timestampMessage(ms: number): { seconds: bigint; nanos: number } {
  return { seconds: BigInt(Math.floor(ms / 1_000)), nanos: (ms % 1_000) * 1_000_000 };
}

function gasPaymentMessage({ gasData }: TransactionData): GrpcTypes.GasPayment {
  return {
    objects: gasData.payment.map(({ objectId, version, digest }) => ({
      objectId,
      version: BigInt(version),
      digest,
    })),
    owner: gasData.owner,
    price: BigInt(gasData.price),
    budget: BigInt(gasData.budget),
  };
}

function expirationMessage({ expiration }: TransactionData): GrpcTypes.TransactionExpiration {
  if (expiration.$kind === 'Epoch') return { kind: ExpirationKind.EPOCH, epoch: BigInt(expiration.Epoch) };
  if (expiration.$kind !== 'ValidDuring') return { kind: ExpirationKind.NONE };
  const { minEpoch, maxEpoch, chain, nonce } = expiration.ValidDuring;
  return {
    kind: ExpirationKind.VALID_DURING,
    ...(minEpoch !== null && { minEpoch: BigInt(minEpoch) }),
    ...(maxEpoch !== null && { epoch: BigInt(maxEpoch) }),
    chain,
    nonce,
  };
}

function inputMessage(input: CallArg): GrpcTypes.Input {
  if (input.$kind === 'Pure') return { kind: InputKind.PURE, pure: fromBase64(input.Pure.bytes) };
  if (input.$kind !== 'Object')
    throw new TypeError(`Cannot render input ${input.$kind}: never accepted by this chain`);
  if (input.Object.$kind === 'SharedObject') {
    const { objectId, initialSharedVersion, mutable } = input.Object.SharedObject;
    return { kind: InputKind.SHARED, objectId, version: BigInt(initialSharedVersion), mutable };
  }
  const isReceiving = input.Object.$kind === 'Receiving';
  const { objectId, version, digest } = isReceiving
    ? input.Object.Receiving!
    : input.Object.ImmOrOwnedObject!;
  return {
    kind: isReceiving ? InputKind.RECEIVING : InputKind.IMMUTABLE_OR_OWNED,
    objectId,
    version: BigInt(version),
    digest,
  };
}

function commandMessage(command: Command): GrpcTypes.Command {
  return { command: commandBody(command) };
}

function commandBody(command: Command): GrpcTypes.Command['command'] {
  switch (command.$kind) {
    case 'MoveCall': {
      const { package: packageId, module, function: name, typeArguments, arguments: args } = command.MoveCall;
      const moveCall = {
        package: packageId,
        module,
        function: name,
        typeArguments,
        arguments: args.map(argumentMessage),
      };
      return { oneofKind: 'moveCall', moveCall };
    }
    case 'TransferObjects': {
      const { objects, address } = command.TransferObjects;
      const transferObjects = { objects: objects.map(argumentMessage), address: argumentMessage(address) };
      return { oneofKind: 'transferObjects', transferObjects };
    }
    case 'SplitCoins': {
      const { coin, amounts } = command.SplitCoins;
      return {
        oneofKind: 'splitCoins',
        splitCoins: { coin: argumentMessage(coin), amounts: amounts.map(argumentMessage) },
      };
    }
    case 'MergeCoins': {
      const { destination, sources } = command.MergeCoins;
      const mergeCoins = { coin: argumentMessage(destination), coinsToMerge: sources.map(argumentMessage) };
      return { oneofKind: 'mergeCoins', mergeCoins };
    }
    case 'Publish': {
      const { modules, dependencies } = command.Publish;
      return { oneofKind: 'publish', publish: { modules: modules.map(fromBase64), dependencies } };
    }
    case 'MakeMoveVec': {
      const { type, elements } = command.MakeMoveVec;
      const makeMoveVector = {
        elements: elements.map(argumentMessage),
        ...(type !== null && { elementType: type }),
      };
      return { oneofKind: 'makeMoveVector', makeMoveVector };
    }
    case 'Upgrade': {
      const { modules, dependencies, package: packageId, ticket } = command.Upgrade;
      const upgrade = {
        modules: modules.map(fromBase64),
        dependencies,
        package: packageId,
        ticket: argumentMessage(ticket),
      };
      return { oneofKind: 'upgrade', upgrade };
    }
  }
}

/** @returns a command's argument as `sui.rpc.v2.Argument` */
export function argumentMessage(argument: CommandArgument): GrpcTypes.Argument {
  switch (argument.$kind) {
    case 'GasCoin':
      return { kind: ArgumentKind.GAS };
    case 'Input':
      return { kind: ArgumentKind.INPUT, input: argument.Input };
    case 'Result':
      return { kind: ArgumentKind.RESULT, result: argument.Result };
    case 'NestedResult':
      return {
        kind: ArgumentKind.RESULT,
        result: argument.NestedResult[0],
        subresult: argument.NestedResult[1],
      };
  }
}
