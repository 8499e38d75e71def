import type { NativeModule } from '../native.ts';
import type { Reference } from '../value.ts';

/** Natives of `std::bcs`. */
export const BCS: NativeModule = {
  to_bytes: ([value], { session, loader, typeArguments }) => {
    const bytes = loader.codec.encode(typeArguments[0]!, (value as Reference).value);
    session.charge(bytes.length);
    return [...bytes];
  },
};
