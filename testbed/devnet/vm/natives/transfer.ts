import { NATIVE_COSTS } from '../../protocol.ts';
import { typeNodes } from '../gas/size.ts';
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
  receive_impl: ([parent, id, version], call) => {
    const [address] = id as [Address];
    const type = call.typeArguments[0]!;
    const { base, type: perType, value } = NATIVE_COSTS.transfer.receive;
    call.charge(base + perType * typeNodes(type));
    const object = call.session.receive(parent as Address, address, version as bigint);
    if (!object) throw abort(UNABLE_TO_RECEIVE_OBJECT);
    if (object.type !== type.name) throw abort(RECEIVING_OBJECT_TYPE_MISMATCH);
    const received = call.loader.codec.decode(type, object.bcs);
    call.charge(value * call.sizeOf(received));
    return received;
  },
};

function give(owner: (recipient: Value | undefined) => Owner): Native {
  return ([object, recipient], call) => {
    const type = call.typeArguments[0]!;
    call.charge(NATIVE_COSTS.transfer.base);
    call.session.transfer(
      { type: type.name, bcs: call.loader.codec.encode(type, object!) },
      owner(recipient),
    );
    return undefined;
  };
}
