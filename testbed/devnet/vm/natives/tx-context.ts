import type { NativeModule } from '../native.ts';
import type { Address } from '../types.ts';

/** Natives of `sui::tx_context`. */
export const TX_CONTEXT: NativeModule = {
  native_sender: (_, { session }) => session.context.sender,
  native_epoch: (_, { session }) => session.context.epoch,
  native_epoch_timestamp_ms: (_, { session }) => session.context.epochTimestampMs,
  native_sponsor: (_, { session }) =>
    session.context.sponsor === undefined ? [] : [session.context.sponsor],
  fresh_id: (_, { session }) => session.newId(),
  /** Only declared in test builds of the framework. */
  replace: ([sender, digest, epoch, epochTimestampMs, idsCreated, , , , sponsor], { session }) => {
    session.context = {
      sender: sender as Address,
      digest: Uint8Array.from(digest as number[]),
      epoch: epoch as bigint,
      epochTimestampMs: epochTimestampMs as bigint,
      idsCreated: idsCreated as bigint,
      sponsor: (sponsor as Address[])[0],
    };
    return undefined;
  },
};
