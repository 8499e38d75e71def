import { NATIVE_COSTS } from '../../protocol.ts';
import { typeNodes, typeTagSize } from '../gas/size.ts';
import type { NativeModule } from '../native.ts';
import { isOneTimeWitness } from '../one-time-witness.ts';

/** Natives of `sui::types`. */
export const TYPES: NativeModule = {
  is_one_time_witness: (_, call) => {
    const type = call.typeArguments[0]!;
    const { base, type: perType, tag } = NATIVE_COSTS.types;
    call.charge(base + perType * typeNodes(type) + tag * typeTagSize(type));
    return isOneTimeWitness(type);
  },
};
