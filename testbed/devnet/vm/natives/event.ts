import { NATIVE_COSTS } from '../../protocol.ts';
import { structTagSize } from '../gas/size.ts';
import type { NativeModule } from '../native.ts';

/** Natives of `sui::event`. */
export const EVENT: NativeModule = {
  emit: ([event], call) => {
    const type = call.typeArguments[0]!;
    const { base, value, tag, output } = NATIVE_COSTS.event;
    const [valueSize, tagSize] = [call.sizeOf(event!), structTagSize(type)];
    call.charge(base + value * valueSize + tag * tagSize + output * (valueSize + tagSize));
    const bcs = call.loader.codec.encode(type, event!);
    call.session.emit({ type: type.name, bcs }, valueSize + tagSize);
    return undefined;
  },
};
