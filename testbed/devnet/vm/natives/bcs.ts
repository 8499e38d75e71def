import { NATIVE_COSTS } from '../../protocol.ts';
import type { NativeModule } from '../native.ts';
import type { Reference } from '../value.ts';

/** Natives of `std::bcs`. */
export const BCS: NativeModule = {
  to_bytes: ([value], call) => {
    const { loader, typeArguments } = call;
    const { byte, minBytes } = NATIVE_COSTS.bcs;
    const bytes = loader.codec.encode(typeArguments[0]!, (value as Reference).value);
    call.charge(byte * Math.max(bytes.length, minBytes));
    return [...bytes];
  },
};
