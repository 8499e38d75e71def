import { ANY_EVENT, eventPlace, fromEventPlace } from '../chain/facets.ts';
import type { Store } from '../chain/store.ts';
import type { Filter, Literal } from './filter.ts';

/** Look-ups that one request may make before it tells how far it came. */
const BUDGET = 10_000;

/** How places and facets of one kind of thing are looked up. */
export interface FacetIndex {
  /** The nearest place of a thing with this facet, from `place` on. */
  next(facet: string, place: number, descending: boolean): number | undefined;
  /** The nearest place of any thing, from `place` on. */
  nearest(place: number, descending: boolean): number | undefined;
}

/** Things from `low` up to, and without, `high`. */
export interface Interval {
  low: number;
  high: number;
}

/**
 * Finds places in order by seeking in the index and never walking over what does not match: where the literals of a term
 * disagree, it seeks on from the one that is farthest.
 */
export class FacetScan {
  readonly #index: FacetIndex;
  readonly #filter: Filter;
  readonly #descending: boolean;
  #lookups = 0;
  /** Everything on this side of it has been looked at. */
  frontier: number;

  constructor(index: FacetIndex, filter: Filter | undefined, { low, high }: Interval, descending: boolean) {
    this.#index = index;
    this.#filter = filter ?? [[]];
    this.#descending = descending;
    this.frontier = descending ? high - 1 : low;
  }

  /** @returns the next place within the interval, `undefined` at its end, `'budget'` when too much was looked at */
  next({ low, high }: Interval): number | undefined | 'budget' {
    const isInside = (place: number) => place >= low && place < high;
    const steps = this.#filter
      .map((term) => this.#nextOf(term, isInside))
      .filter((step) => step !== undefined);
    if (steps.length === 0) return undefined;
    const nearest = steps.reduce((a, b) => (this.#descending === b.place > a.place ? b : a));
    if (!nearest.isMatch) {
      this.frontier = nearest.place;
      return 'budget';
    }
    this.frontier = nearest.place + this.#step;
    return nearest.place;
  }

  get #step(): number {
    return this.#descending ? -1 : 1;
  }

  /** Where a term matches next, or where it is when it may look up no more. */
  #nextOf(term: Literal[], isInside: (place: number) => boolean): Step | undefined {
    const [required, refused] = [
      term.filter(({ negated }) => !negated),
      term.filter(({ negated }) => negated),
    ];
    for (let place = this.frontier; ; ) {
      if (this.#lookups > BUDGET * this.#filter.length) return { place, isMatch: false };
      const found = this.#agree(required, place);
      if (found === undefined || !isInside(found)) return undefined;
      const isMatch = found === place && !refused.some(({ facet }) => this.#seek(facet, place) === place);
      if (isMatch) return { place, isMatch };
      place = found === place ? place + this.#step : found;
    }
  }

  /** One step of agreement: the farthest that any literal points to, `place` itself when all agree on it. */
  #agree(required: Literal[], place: number): number | undefined {
    let farthest = this.#count(this.#index.nearest(place, this.#descending));
    for (const { facet } of required) {
      if (farthest === undefined) return undefined;
      farthest = this.#seek(facet, farthest);
    }
    return farthest;
  }

  #seek(facet: string, place: number): number | undefined {
    return this.#count(this.#index.next(facet, place, this.#descending));
  }

  #count<T>(result: T): T {
    this.#lookups += 1;
    return result;
  }
}

interface Step {
  place: number;
  isMatch: boolean;
}

/** Finds checkpoints that have a transaction which passes. */
export class CheckpointScan {
  readonly #store: Store;
  readonly #descending: boolean;
  readonly #transactions: FacetScan;

  constructor(store: Store, filter: Filter, checkpoints: Interval, descending: boolean) {
    this.#store = store;
    this.#descending = descending;
    const range = this.#positionsOf(checkpoints);
    this.#transactions = new FacetScan(transactionIndex(store), filter, range, descending);
  }

  get frontier(): number {
    return this.#store.checkpointOf(this.#transactions.frontier);
  }

  next(checkpoints: Interval): number | undefined | 'budget' {
    const position = this.#transactions.next(this.#positionsOf(checkpoints));
    if (typeof position !== 'number') return position;
    const checkpoint = this.#store.checkpointOf(position);
    this.#transactions.frontier = this.#descending
      ? this.#store.firstPositionOf(checkpoint) - 1
      : this.#store.firstPositionOf(checkpoint + 1);
    return checkpoint;
  }

  #positionsOf({ low, high }: Interval): Interval {
    return { low: this.#store.firstPositionOf(low), high: this.#store.firstPositionOf(high) };
  }
}

/** Things at every place up to a count. */
export function denseIndex(count: number): FacetIndex {
  return {
    next: () => undefined,
    nearest: (place) => (place >= 0 && place < count ? place : undefined),
  };
}

/** Transactions by their position. */
export function transactionIndex(store: Store): FacetIndex {
  return {
    ...denseIndex(store.transactionCount()),
    next: (facet, place, descending) =>
      /^(emit|type) /.test(facet)
        ? positionOfEvent(store, facet, place, descending)
        : store.nextFacet(facet, place, descending),
  };
}

function positionOfEvent(store: Store, facet: string, position: number, descending: boolean) {
  const found = store.nextFacet(facet, edgeOf(position, descending), descending);
  return found === undefined ? undefined : fromEventPlace(found).position;
}

/** Events by their place; who sent them is known of their transactions. */
export function eventIndex(store: Store): FacetIndex {
  return {
    next: (facet, place, descending) =>
      /^(emit|type|event)/.test(facet)
        ? store.nextFacet(facet, place, descending)
        : eventOfTransaction(store, facet, place, descending),
    nearest: (place, descending) => store.nextFacet(ANY_EVENT, place, descending),
  };
}

function eventOfTransaction(store: Store, facet: string, place: number, descending: boolean) {
  const { position } = fromEventPlace(place);
  const found = store.nextFacet(facet, position, descending);
  if (found === undefined || found === position) return found === undefined ? undefined : place;
  return store.nextFacet(ANY_EVENT, edgeOf(found, descending), descending);
}

/** The place among a transaction's events that comes first in this direction. */
function edgeOf(position: number, descending: boolean): number {
  return descending ? eventPlace(position + 1, 0) - 1 : eventPlace(position, 0);
}
