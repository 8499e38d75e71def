import { NATIVE_COSTS } from '../../protocol.ts';
import type { NativeModule } from '../native.ts';
import type { Address } from '../types.ts';
import { Reference, type Value } from '../value.ts';

const COSTS = NATIVE_COSTS.object;

/** Natives of `sui::object`. */
export const OBJECT: NativeModule = {
  borrow_uid: ([object], call) => {
    call.charge(COSTS.borrowUid);
    return new Reference((object as Reference).value as Value[], 0);
  },
  delete_impl: ([id], call) => {
    call.charge(COSTS.delete);
    call.session.deleteId(id as Address);
    return undefined;
  },
  record_new_uid: ([id], call) => {
    call.charge(COSTS.recordNew);
    call.session.recordId(id as Address);
    return undefined;
  },
};
