import { NATIVE_COSTS } from '../../protocol.ts';
import type { Native, NativeModule } from '../native.ts';
import type { TransactionContext } from '../session.ts';
import type { Address } from '../types.ts';
import type { Value } from '../value.ts';

const { read, freshId } = NATIVE_COSTS.txContext;

/** Natives of `sui::tx_context`. */
export const TX_CONTEXT: NativeModule = {
  native_sender: reading(({ sender }) => sender),
  native_epoch: reading(({ epoch }) => epoch),
  native_epoch_timestamp_ms: reading(({ epochTimestampMs }) => epochTimestampMs),
  native_sponsor: reading(({ sponsor }) => (sponsor === undefined ? [] : [sponsor])),
  fresh_id: (_, call) => {
    call.charge(freshId);
    return call.session.newId();
  },
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

function reading(get: (context: TransactionContext) => Value): Native {
  return (_, call) => {
    call.charge(read);
    return get(call.session.context);
  };
}
