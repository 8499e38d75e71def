import type { NativeModule } from '../native.ts';
import type { Address } from '../types.ts';
import { Reference, type Value } from '../value.ts';

/** Natives of `sui::object`. */
export const OBJECT: NativeModule = {
  borrow_uid: ([object]) => new Reference((object as Reference).value as Value[], 0),
  delete_impl: ([id], { session }) => {
    session.deleteId(id as Address);
    return undefined;
  },
  record_new_uid: ([id], { session }) => {
    session.recordId(id as Address);
    return undefined;
  },
};

/** The id of an object, whose first field is `UID { id: ID { bytes } }`. */
export function idOf(object: Value): Address {
  const [[[id]]] = object as [[[Address]]];
  return id;
}
