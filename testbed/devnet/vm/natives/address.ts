import { NATIVE_COSTS } from '../../protocol.ts';
import { readInteger, toHexAddress } from '../bcs.ts';
import { abort } from '../machine.ts';
import type { NativeModule } from '../native.ts';

/** `sui::address::EAddressParseError` */
const ADDRESS_PARSE_ERROR = 0n;

const COSTS = NATIVE_COSTS.address;

/** Natives of `sui::address`. */
export const ADDRESS: NativeModule = {
  from_bytes: ([bytes], call) => {
    call.charge(COSTS.fromBytes);
    const input = Uint8Array.from(bytes as number[]);
    if (input.length !== 32) throw abort(ADDRESS_PARSE_ERROR);
    return toHexAddress(input);
  },
  to_u256: ([address], call) => {
    call.charge(COSTS.toU256);
    return readInteger(Buffer.from((address as string).slice(2), 'hex').reverse());
  },
  from_u256: ([value], call) => {
    call.charge(COSTS.fromU256);
    return `0x${(value as bigint).toString(16).padStart(64, '0')}`;
  },
};
