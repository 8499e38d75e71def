import type { TransactionEvents } from '@daasvader/checkpoint/layouts.ts';
import { bcs } from '@mysten/sui/bcs';
import type { GrpcTypes } from '@mysten/sui/grpc';
import { isValidSuiAddress, normalizeSuiAddress } from '@mysten/sui/utils';
import { DevnetError } from '../error.ts';
import type { StoredTransaction } from '../store.ts';
import { structToTypeName, typeName } from '../type-name.ts';
import { eventsOf } from './executed-message.ts';

export type Event = (typeof TransactionEvents.$inferType)['data'][number];

/** Whether a transaction is wanted. */
export type TransactionTest = (transaction: StoredTransaction) => boolean;
/** Whether an event of a transaction is wanted. */
export type EventTest = (event: Event, transaction: StoredTransaction) => boolean;

/** More literals than this in one filter are refused. */
const MAX_LITERALS = 100;

/**
 * Reads a `sui.rpc.v2.TransactionFilter`: its terms are alternatives, the literals of a term must all hold.
 *
 * @returns undefined when there is no filter
 * @throws {DevnetError} `INVALID_ARGUMENT`
 */
export function transactionTest(
  filter: GrpcTypes.TransactionFilter | undefined,
): TransactionTest | undefined {
  return filter && anyOf(filter.terms, transactionPredicate);
}

/** {@link transactionTest} for a `sui.rpc.v2.EventFilter`. */
export function eventTest(filter: GrpcTypes.EventFilter | undefined): EventTest | undefined {
  return filter && anyOf(filter.terms, eventPredicate);
}

interface Literal<P> {
  negated: boolean;
  predicate: P;
}

function anyOf<P, A extends unknown[]>(
  terms: { literals: Literal<P>[] }[],
  compile: (predicate: P) => (...subject: A) => boolean,
): (...subject: A) => boolean {
  if (terms.length === 0) throw bad('it has no terms');
  if (terms.reduce((sum, { literals }) => sum + literals.length, 0) > MAX_LITERALS)
    throw bad(`it has more than ${MAX_LITERALS} literals`);
  const tests = terms.map(({ literals }) => {
    if (literals.length === 0) throw bad('a term has no literals');
    const compiled = literals.map(({ negated, predicate }) => ({ negated, holds: compile(predicate) }));
    return (...subject: A) => compiled.every(({ negated, holds }) => holds(...subject) !== negated);
  });
  return (...subject) => tests.some((test) => test(...subject));
}

function transactionPredicate(predicate: GrpcTypes.TransactionLiteral['predicate']): TransactionTest {
  switch (predicate.oneofKind) {
    case 'sender':
      return sentBy(predicate.sender.address);
    case 'affectedAddress': {
      const address = readAddress(predicate.affectedAddress.address, 'affected_address.address');
      return (transaction) => ownersOf(transaction).includes(address);
    }
    case 'affectedObject': {
      const object = readAddress(predicate.affectedObject.objectId, 'affected_object.object_id');
      return (transaction) => effectsOf(transaction).changedObjects.some(([id]) => id === object);
    }
    case 'moveCall': {
      const isWithin = pathTest(predicate.moveCall.function, 'move_call.function', 3);
      return (transaction) => callsOf(transaction).some(isWithin);
    }
    case 'emitModule':
    case 'eventType': {
      const matches = eventPredicate(predicate);
      return (transaction) => eventsOf(transaction).some((event) => matches(event, transaction));
    }
    case 'eventStreamHead':
      return noStream(predicate.eventStreamHead);
    case 'packageWrite':
      return (transaction) =>
        effectsOf(transaction).changedObjects.some(
          ([, { outputState }]) => outputState.$kind === 'PackageWrite',
        );
    default:
      throw bad('a literal has no predicate that this server knows');
  }
}

function eventPredicate(predicate: GrpcTypes.EventLiteral['predicate']): EventTest {
  switch (predicate.oneofKind) {
    case 'sender': {
      const isSent = sentBy(predicate.sender.address);
      return (_, transaction) => isSent(transaction);
    }
    case 'emitModule': {
      const isWithin = pathTest(predicate.emitModule.module, 'emit_module.module', 2);
      return ({ packageId, transactionModule }) => isWithin([packageId, transactionModule]);
    }
    case 'eventType':
      return eventTypeTest(predicate.eventType.eventType ?? '');
    case 'eventStreamHead':
      return noStream(predicate.eventStreamHead);
    default:
      throw bad('a literal has no predicate that this server knows');
  }
}

/** Authenticated event streams come from a framework module that this chain does not have: no transaction writes one. */
function noStream({ streamId }: GrpcTypes.EventStreamHeadFilter): () => boolean {
  readAddress(streamId, 'event_stream_head.stream_id');
  return () => false;
}

function sentBy(address: string | undefined): TransactionTest {
  const sender = readAddress(address, 'sender.address');
  return (transaction) => dataOf(transaction).sender === sender;
}

/** Matches `package[::module[::…]]`, up to `depth` parts, against the parts of something. */
function pathTest(path: string | undefined, field: string, depth: number): (parts: string[]) => boolean {
  const [address, ...names] = (path ?? '').split('::');
  if (names.length >= depth || names.some((name) => !isIdentifier(name)))
    throw bad(`${field} ${JSON.stringify(path ?? '')} is not a path of up to ${depth} parts`);
  const wanted = [readAddress(address, field), ...names];
  return (parts) => wanted.every((part, index) => parts[index] === part);
}

function eventTypeTest(text: string): EventTest {
  if (!text.includes('<')) {
    const isWithin = pathTest(text, 'event_type.event_type', 3);
    return ({ type }) => isWithin([normalizeSuiAddress(type.address), type.module, type.name]);
  }
  const wanted = readType(text);
  return ({ type }) => structToTypeName(type) === wanted;
}

function readType(text: string): string {
  const refusal = `event_type.event_type ${JSON.stringify(text)} is not a type`;
  try {
    const type = typeName(text);
    // The parser of the SDK passes over arguments that do not end.
    if (type.includes('<')) return type;
  } catch (cause) {
    throw bad(refusal, cause);
  }
  throw bad(refusal);
}

function readAddress(address: string | undefined, field: string): string {
  const full = normalizeSuiAddress(address ?? '');
  if (!address || !isValidSuiAddress(full))
    throw bad(`${field} ${JSON.stringify(address ?? '')} is not an address`);
  return full;
}

function isIdentifier(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
}

function dataOf({ data }: StoredTransaction) {
  return bcs.TransactionData.parse(data).V1!;
}

function effectsOf({ effects }: StoredTransaction) {
  return bcs.TransactionEffects.parse(effects).V2!;
}

function callsOf(transaction: StoredTransaction): string[][] {
  const { kind } = dataOf(transaction);
  const commands = kind.$kind === 'ProgrammableTransaction' ? kind.ProgrammableTransaction.commands : [];
  return commands.flatMap(({ MoveCall: call }) => (call ? [[call.package, call.module, call.function]] : []));
}

/** Who owned what the transaction changed, before or after it. */
function ownersOf(transaction: StoredTransaction): string[] {
  return effectsOf(transaction).changedObjects.flatMap(([, { inputState, outputState }]) => {
    const owners = [inputState.Exist?.[1], outputState.ObjectWrite?.[1]];
    return owners.flatMap((owner) => owner?.AddressOwner ?? []);
  });
}

function bad(why: string, cause?: unknown): DevnetError {
  return new DevnetError('INVALID_ARGUMENT', `Cannot read filter: ${why}`, { cause });
}
