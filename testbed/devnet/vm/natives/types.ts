import type { NativeModule } from '../native.ts';
import { isOneTimeWitness } from '../one-time-witness.ts';

/** Natives of `sui::types`. */
export const TYPES: NativeModule = {
  is_one_time_witness: (_, { typeArguments }) => isOneTimeWitness(typeArguments[0]!),
};
