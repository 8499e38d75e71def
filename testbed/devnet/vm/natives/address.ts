import { readInteger, toHexAddress } from '../bcs.ts';
import { abort } from '../machine.ts';
import type { NativeModule } from '../native.ts';

/** `sui::address::EAddressParseError` */
const ADDRESS_PARSE_ERROR = 0n;

/** Natives of `sui::address`. */
export const ADDRESS: NativeModule = {
  from_bytes: ([bytes]) => {
    const input = Uint8Array.from(bytes as number[]);
    if (input.length !== 32) throw abort(ADDRESS_PARSE_ERROR);
    return toHexAddress(input);
  },
  to_u256: ([address]) => readInteger(Buffer.from((address as string).slice(2), 'hex').reverse()),
  from_u256: ([value]) => `0x${(value as bigint).toString(16).padStart(64, '0')}`,
};
