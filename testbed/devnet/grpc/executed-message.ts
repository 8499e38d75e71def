import { digestOf } from '@daasvader/checkpoint/digest.ts';
import { TransactionEvents } from '@daasvader/checkpoint/layouts.ts';
import { bcs } from '@mysten/sui/bcs';
import type { GrpcTypes } from '@mysten/sui/grpc';
import type { Chain } from '../chain/chain.ts';
import type { StoredTransaction, TransactionRecord } from '../chain/store.ts';
import type { ChainObject } from '../transaction/object.ts';
import { structToTypeName } from '../transaction/type-name.ts';
import { effectsMessage } from './effects-message.ts';
import { jsonField } from './json-field.ts';
import type { Mask } from './mask.ts';
import { objectMessage } from './object-message.ts';
import { timestampMessage, transactionMessage } from './transaction-message.ts';

/** @returns a transaction as `sui.rpc.v2.ExecutedTransaction`; a simulated one has no checkpoint */
export function executedMessage(
  chain: Chain,
  record: TransactionRecord | StoredTransaction,
  mask: Mask,
): GrpcTypes.ExecutedTransaction {
  const message: GrpcTypes.ExecutedTransaction = {
    signatures: mask.has('signatures') ? record.signatures.map(signatureMessage) : [],
    balanceChanges: mask.has('balance_changes') ? record.balanceChanges : [],
  };
  if (mask.has('digest')) message.digest = record.digest;
  if (mask.has('transaction'))
    message.transaction = transactionMessage(record.data, record.digest, mask.in('transaction'));
  if (mask.has('effects')) message.effects = effectsMessage(record, mask.in('effects'));
  if (mask.has('events') && record.events)
    message.events = eventsMessage(chain, record.events, mask.in('events'));
  if (mask.has('objects'))
    message.objects = {
      objects: touchedObjects(chain, record).map((object) =>
        objectMessage(chain, object, mask.in('objects').in('objects')),
      ),
    };
  if ('checkpoint' in record) {
    if (mask.has('checkpoint')) message.checkpoint = BigInt(record.checkpoint);
    if (mask.has('transaction_index')) message.transactionIndex = indexInCheckpoint(chain, record);
    if (mask.has('timestamp')) message.timestamp = timestampMessage(record.timestampMs);
  }
  return message;
}

/** @returns a signature as `sui.rpc.v2.UserSignature`, its BCS only */
export function signatureMessage(value: Uint8Array): GrpcTypes.UserSignature {
  return { bcs: { name: 'UserSignatureBytes', value }, signature: { oneofKind: undefined } };
}

function eventsMessage(chain: Chain, bytes: Uint8Array, mask: Mask): GrpcTypes.TransactionEvents {
  const message: GrpcTypes.TransactionEvents = { events: [] };
  if (mask.has('bcs')) message.bcs = { name: 'TransactionEvents', value: bytes };
  if (mask.has('digest')) message.digest = digestOf('TransactionEvents', bytes);
  if (mask.has('events'))
    message.events = TransactionEvents.parse(bytes).data.map((event) =>
      eventMessage(chain, event, mask.in('events')),
    );
  return message;
}

type Event = (typeof TransactionEvents.$inferType)['data'][number];

function eventMessage({ vm }: Chain, event: Event, mask: Mask): GrpcTypes.Event {
  const eventType = structToTypeName(event.type);
  const message: GrpcTypes.Event = {};
  if (mask.has('package_id')) message.packageId = event.packageId;
  if (mask.has('module')) message.module = event.transactionModule;
  if (mask.has('sender')) message.sender = event.sender;
  if (mask.has('event_type')) message.eventType = eventType;
  const contents = Uint8Array.from(event.contents);
  if (mask.has('contents')) message.contents = { name: eventType, value: contents };
  if (mask.has('json')) Object.assign(message, jsonField(vm, eventType, contents));
  return message;
}

/** Decodes the events of a transaction that has some. @returns what gives each, by its index, with its place in the chain */
export function placedEvents(
  chain: Chain,
  stored: StoredTransaction,
  mask: Mask,
): (eventIndex: number) => GrpcTypes.Event {
  const events = TransactionEvents.parse(stored.events!).data;
  return (eventIndex) => {
    const message = eventMessage(chain, events[eventIndex]!, mask);
    if (mask.has('checkpoint')) message.checkpoint = BigInt(stored.checkpoint);
    if (mask.has('transaction_digest')) message.transactionDigest = stored.digest;
    if (mask.has('transaction_index')) message.transactionIndex = indexInCheckpoint(chain, stored);
    if (mask.has('event_index')) message.eventIndex = eventIndex;
    return message;
  };
}

function indexInCheckpoint({ store }: Chain, { position, checkpoint }: StoredTransaction): bigint {
  return BigInt(position - store.firstPositionOf(checkpoint));
}

/** Objects before and after the transaction, for readers that keep their own state. */
function touchedObjects(chain: Chain, record: TransactionRecord): ChainObject[] {
  const effects = bcs.TransactionEffects.parse(record.effects).V2!;
  return effects.changedObjects.flatMap(([id, { inputState, outputState }]) => {
    const versions = [];
    if (inputState.$kind === 'Exist') versions.push(BigInt(inputState.Exist[0][0]));
    if (outputState.$kind === 'ObjectWrite') versions.push(BigInt(effects.lamportVersion));
    if (outputState.$kind === 'PackageWrite') versions.push(BigInt(outputState.PackageWrite[0]));
    return versions
      .map((version) => chain.store.objectAt(id, version))
      .filter((object) => object !== undefined);
  });
}
