import { bcs } from '@mysten/sui/bcs';
import { GrpcTypes } from '@mysten/sui/grpc';
import type { TransactionRecord } from '../chain/store.ts';
import { fromBcsOwner } from '../transaction/object.ts';
import type { Mask } from './mask.ts';
import { ownerMessage } from './object-message.ts';
import { statusMessage } from './status-message.ts';

const {
  ChangedObject_IdOperation: IdOperation,
  ChangedObject_InputObjectState: InputState,
  ChangedObject_OutputObjectState: OutputState,
  UnchangedConsensusObject_UnchangedConsensusObjectKind: UnchangedKind,
} = GrpcTypes;

type EffectsV2 = NonNullable<(typeof bcs.TransactionEffects.$inferType)['V2']>;
type Change = EffectsV2['changedObjects'][number];

/** @returns effects as `sui.rpc.v2.TransactionEffects`, decoded from their BCS */
export function effectsMessage(record: TransactionRecord, mask: Mask): GrpcTypes.TransactionEffects {
  const effects = bcs.TransactionEffects.parse(record.effects).V2!;
  const changed = (change: Change) => changeMessage(change, effects, record);
  const message: GrpcTypes.TransactionEffects = {
    dependencies: mask.has('dependencies') ? effects.dependencies : [],
    changedObjects: mask.has('changed_objects') ? effects.changedObjects.map(changed) : [],
    unchangedConsensusObjects: mask.has('unchanged_consensus_objects') ? unchanged(effects, record) : [],
    unchangedLoadedRuntimeObjects: [],
  };
  if (mask.has('bcs')) message.bcs = { name: 'TransactionEffects', value: record.effects };
  if (mask.has('digest')) message.digest = record.effectsDigest;
  if (mask.has('version')) message.version = 2;
  if (mask.has('status')) message.status = statusMessage(effects.status);
  if (mask.has('epoch')) message.epoch = BigInt(effects.executedEpoch);
  if (mask.has('gas_used')) message.gasUsed = gasMessage(effects.gasUsed);
  if (mask.has('transaction_digest')) message.transactionDigest = effects.transactionDigest;
  if (mask.has('lamport_version')) message.lamportVersion = BigInt(effects.lamportVersion);
  if (mask.has('events_digest') && effects.eventsDigest) message.eventsDigest = effects.eventsDigest;
  if (mask.has('gas_object') && effects.gasObjectIndex !== null) {
    message.gasObject = changed(effects.changedObjects[effects.gasObjectIndex]!);
  }
  return message;
}

/** @returns costs as `sui.rpc.v2.GasCostSummary` */
export function gasMessage(gas: EffectsV2['gasUsed']): GrpcTypes.GasCostSummary {
  return {
    computationCost: BigInt(gas.computationCost),
    storageCost: BigInt(gas.storageCost),
    storageRebate: BigInt(gas.storageRebate),
    nonRefundableStorageFee: BigInt(gas.nonRefundableStorageFee),
  };
}

function changeMessage(
  [objectId, change]: Change,
  effects: EffectsV2,
  record: TransactionRecord,
): GrpcTypes.ChangedObject {
  const idOperation = { None: IdOperation.NONE, Created: IdOperation.CREATED, Deleted: IdOperation.DELETED };
  const message: GrpcTypes.ChangedObject = {
    objectId,
    inputState: InputState.DOES_NOT_EXIST,
    outputState: OutputState.DOES_NOT_EXIST,
    idOperation: idOperation[change.idOperation.$kind],
  };
  const type = record.objectTypes[objectId];
  if (type !== undefined) message.objectType = type;
  if (change.inputState.$kind === 'Exist') {
    const [[version, digest], owner] = change.inputState.Exist;
    Object.assign(message, {
      inputState: InputState.EXISTS,
      inputVersion: BigInt(version),
      inputDigest: digest,
    });
    message.inputOwner = ownerMessage(fromBcsOwner(owner));
  }
  if (change.outputState.$kind === 'ObjectWrite') {
    const [digest, owner] = change.outputState.ObjectWrite;
    const outputVersion = BigInt(effects.lamportVersion);
    Object.assign(message, { outputState: OutputState.OBJECT_WRITE, outputVersion, outputDigest: digest });
    message.outputOwner = ownerMessage(fromBcsOwner(owner));
  } else if (change.outputState.$kind === 'PackageWrite') {
    const [version, digest] = change.outputState.PackageWrite;
    Object.assign(message, {
      outputState: OutputState.PACKAGE_WRITE,
      outputVersion: BigInt(version),
      outputDigest: digest,
    });
    message.outputOwner = ownerMessage({ kind: 'immutable' });
  }
  return message;
}

function unchanged(effects: EffectsV2, record: TransactionRecord): GrpcTypes.UnchangedConsensusObject[] {
  return effects.unchangedConsensusObjects.map(([objectId, kind]) => {
    const [version, digest] = kind.ReadOnlyRoot!;
    const objectType = record.objectTypes[objectId];
    return {
      kind: UnchangedKind.READ_ONLY_ROOT,
      objectId,
      version: BigInt(version),
      digest,
      ...(objectType && { objectType }),
    };
  });
}
