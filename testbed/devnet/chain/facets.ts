import { TransactionEvents } from '@daasvader/checkpoint/layouts.ts';
import { bcs } from '@mysten/sui/bcs';
import { normalizeSuiAddress } from '@mysten/sui/utils';
import { type StructTag, structToTypeName } from '../transaction/type-name.ts';
import type { TransactionRecord } from './store.ts';

/** A transaction has at most 1,024 events; the rest of the factor keeps places readable. */
const EVENT_PLACES = 65_536;

/**
 * By what transactions and events are found: texts such as `sender 0x…`. Those of events stand at the places of events,
 * the others at positions of transactions; both orders are that of the chain.
 */
export interface Facets {
  transaction: Set<string>;
  /** One set for each event. */
  events: Set<string>[];
}

/** The facet that each event has. */
export const ANY_EVENT = 'event';

/** @returns an event's place in the order of all events */
export function eventPlace(position: number, index: number): number {
  return position * EVENT_PLACES + index;
}

/** Inverse of {@link eventPlace}. */
export function fromEventPlace(place: number): { position: number; index: number } {
  return { position: Math.floor(place / EVENT_PLACES), index: place % EVENT_PLACES };
}

/** @returns what a transaction and its events can be found by */
export function facetsOf({
  data,
  effects,
  events,
}: Pick<TransactionRecord, 'data' | 'effects' | 'events'>): Facets {
  const { kind, sender } = bcs.TransactionData.parse(data).V1;
  const transaction = new Set([`sender ${sender}`]);
  for (const [id, change] of bcs.TransactionEffects.parse(effects).V2!.changedObjects) {
    transaction.add(`object ${id}`);
    for (const owner of [change.inputState.Exist?.[1], change.outputState.ObjectWrite?.[1]])
      if (owner?.$kind === 'AddressOwner') transaction.add(`address ${owner.AddressOwner}`);
    if (change.outputState.$kind === 'PackageWrite') transaction.add('package');
  }
  for (const { MoveCall: call } of kind.ProgrammableTransaction?.commands ?? []) {
    if (call === undefined) continue;
    const path = [normalizeSuiAddress(call.package), call.module, call.function];
    for (const facet of prefixes('call', path)) transaction.add(facet);
  }
  return {
    transaction,
    events: events === undefined ? [] : TransactionEvents.parse(events).data.map(eventFacets),
  };
}

function eventFacets(event: { packageId: string; transactionModule: string; type: StructTag }): Set<string> {
  const { address, module, name } = event.type;
  return new Set([
    ANY_EVENT,
    ...prefixes('emit', [event.packageId, event.transactionModule]),
    ...prefixes('type', [normalizeSuiAddress(address), module, name]),
    `type ${structToTypeName(event.type)}`,
  ]);
}

/** A path and all that contain it: package, module, member. */
function prefixes(kind: string, path: string[]): string[] {
  return path.map((_, index) => `${kind} ${path.slice(0, index + 1).join('::')}`);
}
