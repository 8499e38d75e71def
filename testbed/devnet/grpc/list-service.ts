import type { GrpcTypes } from '@mysten/sui/grpc';
import type { Chain } from '../chain/chain.ts';
import { fromEventPlace } from '../chain/facets.ts';
import { checkpointMessage } from './checkpoint-message.ts';
import { executedMessage, placedEvents } from './executed-message.ts';
import {
  CheckpointScan,
  denseIndex,
  eventIndex,
  FacetScan,
  type Interval,
  transactionIndex,
} from './facet-scan.ts';
import { readFilter } from './filter.ts';
import { listFrames, placesOf } from './ledger-list.ts';
import { Mask } from './mask.ts';

/** Default and greatest numbers of items, those of Sui's full nodes. */
const LIMITS = {
  checkpoints: { default: 10, max: 100 },
  transactions: { default: 50, max: 500 },
  events: { default: 50, max: 1_000 },
};

/** The lists of `sui.rpc.v2.LedgerService`: streams of items in the chain's order, which end. */
export function listService(chain: Chain) {
  const { store } = chain;
  const checkpointCount = () => store.latestCheckpoint()!.sequence + 1;
  return {
    *listCheckpoints(
      request: GrpcTypes.ListCheckpointsRequest,
    ): Generator<GrpcTypes.ListCheckpointsResponse> {
      const mask = Mask.of(request.readMask, 'sequence_number,digest', 'Checkpoint');
      const filter = readFilter(request.filter);
      const list = {
        kind: 'c' as const,
        limits: LIMITS.checkpoints,
        firstPlaceOf: (checkpoint: number) => checkpoint,
        checkpointOf: (place: number) => place,
        scan: (range: Interval, descending: boolean) =>
          filter
            ? new CheckpointScan(store, filter, range, descending)
            : new FacetScan(denseIndex(checkpointCount()), undefined, range, descending),
      };
      for (const { place, ...progress } of listFrames(list, request, checkpointCount())) {
        const checkpoint = place === undefined ? undefined : store.checkpoint(place)!;
        yield { ...progress, ...(checkpoint && { checkpoint: checkpointMessage(chain, checkpoint, mask) }) };
      }
    },

    *listTransactions(
      request: GrpcTypes.ListTransactionsRequest,
    ): Generator<GrpcTypes.ListTransactionsResponse> {
      const mask = Mask.of(request.readMask, 'digest', 'ExecutedTransaction');
      const filter = readFilter(request.filter);
      const list = {
        kind: 't' as const,
        limits: LIMITS.transactions,
        scan: (range: Interval, descending: boolean) =>
          new FacetScan(transactionIndex(store), filter, range, descending),
        ...placesOf(store, 't'),
      };
      for (const { place, ...progress } of listFrames(list, request, checkpointCount())) {
        const stored = place === undefined ? undefined : store.transactionAt(place)!;
        yield { ...progress, ...(stored && { transaction: executedMessage(chain, stored, mask) }) };
      }
    },

    *listEvents(request: GrpcTypes.ListEventsRequest): Generator<GrpcTypes.ListEventsResponse> {
      const mask = Mask.of(request.readMask, 'event_type', 'Event');
      const filter = readFilter(request.filter);
      const list = {
        kind: 'e' as const,
        limits: LIMITS.events,
        scan: (range: Interval, descending: boolean) =>
          new FacetScan(eventIndex(store), filter, range, descending),
        ...placesOf(store, 'e'),
      };
      const eventOf = eventsByPlace(chain, mask);
      for (const { place, ...progress } of listFrames(list, request, checkpointCount()))
        yield { ...progress, ...(place !== undefined && { event: eventOf(place) }) };
    },
  };
}

/** Events by their place. Those of one transaction come one after the other, so it is read and decoded once. */
function eventsByPlace(chain: Chain, mask: Mask): (place: number) => GrpcTypes.Event {
  let latest: { position: number; eventAt: (index: number) => GrpcTypes.Event } | undefined;
  return (place) => {
    const { position, index } = fromEventPlace(place);
    if (latest?.position !== position)
      latest = { position, eventAt: placedEvents(chain, chain.store.transactionAt(position)!, mask) };
    return latest.eventAt(index);
  };
}
