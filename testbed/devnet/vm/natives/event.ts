import type { NativeModule } from '../native.ts';

/** Natives of `sui::event`. */
export const EVENT: NativeModule = {
  emit: ([event], { session, loader, typeArguments }) => {
    const type = typeArguments[0]!;
    session.emit({ type: type.name, bcs: loader.codec.encode(type, event!) });
    return undefined;
  },
};
