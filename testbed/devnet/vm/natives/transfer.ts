import { abort } from '../machine.ts';
import type { Native, NativeModule } from '../native.ts';
import type { Address, Owner } from '../types.ts';
import type { Value } from '../value.ts';

/** Sui's code for an object that carries another type than asked for. */
const RECEIVING_OBJECT_TYPE_MISMATCH = 2n;
/** Sui's code for an object that was not sent to this one, or is gone. */
const UNABLE_TO_RECEIVE_OBJECT = 3n;

/** Natives of `sui::transfer`. */
export const TRANSFER: NativeModule = {
  transfer_impl: give((recipient) => ({ kind: 'address', address: recipient as Address })),
  share_object_impl: give(() => ({ kind: 'shared' })),
  freeze_object_impl: give(() => ({ kind: 'immutable' })),
  receive_impl: ([parent, id, version], { session, loader, typeArguments }) => {
    const [address] = id as [Address];
    const object = session.receive(parent as Address, address, version as bigint);
    if (!object) throw abort(UNABLE_TO_RECEIVE_OBJECT);
    if (object.type !== typeArguments[0]!.name) throw abort(RECEIVING_OBJECT_TYPE_MISMATCH);
    return loader.codec.decode(typeArguments[0]!, object.bcs);
  },
};

function give(owner: (recipient: Value | undefined) => Owner): Native {
  return ([object, recipient], { session, loader, typeArguments }) => {
    const type = typeArguments[0]!;
    session.transfer({ type: type.name, bcs: loader.codec.encode(type, object!) }, owner(recipient));
    return undefined;
  };
}
