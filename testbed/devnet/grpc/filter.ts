import type { GrpcTypes } from '@mysten/sui/grpc';
import { DevnetError } from '../error.ts';
import { readAddress, readType } from './request.ts';

/** A facet that must be there, or must not. */
export interface Literal {
  facet: string;
  negated: boolean;
}

/** Terms are ORed, the literals in each are ANDed. */
export type Filter = Literal[][];

type Predicate = GrpcTypes.TransactionLiteral['predicate'] | GrpcTypes.EventLiteral['predicate'];

/** What a full node takes by default. */
const MAX_LITERALS = 10;

/**
 * Reads the filter of transactions or events.
 *
 * @returns undefined when there is none, which matches everything
 * @throws {DevnetError} `INVALID_ARGUMENT`
 */
export function readFilter(
  filter: GrpcTypes.TransactionFilter | GrpcTypes.EventFilter | undefined,
): Filter | undefined {
  if (filter === undefined) return undefined;
  if (filter.terms.length === 0) throw invalid('at least one term is required');
  const terms: Filter = filter.terms.map(({ literals }) =>
    literals.map(({ predicate, negated }) => ({ facet: facetOf(predicate), negated })),
  );
  if (terms.some((term) => term.length === 0)) throw invalid('a term has no literals');
  const count = terms.reduce((sum, term) => sum + term.length, 0);
  if (count > MAX_LITERALS) throw invalid(`${count} literals, at most ${MAX_LITERALS} are allowed`);
  return terms;
}

/** Whether something with these facets passes. */
export function passes(filter: Filter | undefined, has: (facet: string) => boolean): boolean {
  return filter?.some((term) => term.every(({ facet, negated }) => has(facet) !== negated)) ?? true;
}

function facetOf(predicate: Predicate): string {
  switch (predicate.oneofKind) {
    case 'sender':
      return `sender ${readAddress(predicate.sender.address, 'sender.address')}`;
    case 'affectedAddress':
      return `address ${readAddress(predicate.affectedAddress.address, 'affected_address.address')}`;
    case 'affectedObject':
      return `object ${readAddress(predicate.affectedObject.objectId, 'affected_object.object_id')}`;
    case 'moveCall':
      return `call ${path(predicate.moveCall.function, 3, 'move_call.function')}`;
    case 'emitModule':
      return `emit ${path(predicate.emitModule.module, 2, 'emit_module.module')}`;
    case 'eventType':
      return `type ${eventType(predicate.eventType.eventType)}`;
    case 'packageWrite':
      return 'package';
    case 'eventStreamHead':
      // Nothing on this chain can write to one, so that nothing has this facet.
      return `stream ${readAddress(predicate.eventStreamHead.streamId, 'event_stream_head.stream_id')}`;
    default:
      throw invalid('a literal has no predicate');
  }
}

function path(text: string | undefined, longest: number, field: string): string {
  const [first, ...names] = (text ?? '').split('::');
  if (names.length >= longest || names.some((name) => !/^\w+$/.test(name)))
    throw invalid(`${field}: ${text} is not a path of at most ${longest} names`);
  return [readAddress(first, field), ...names].join('::');
}

function eventType(text = ''): string {
  if (text.split('<')[0]!.split('::').length < 3) return path(text, 2, 'event_type.event_type');
  return readType(text, 'event_type.event_type');
}

function invalid(reason: string): DevnetError {
  return new DevnetError('INVALID_ARGUMENT', `Cannot read filter: ${reason}`);
}
