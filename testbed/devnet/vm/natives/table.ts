import type { Native, NativeModule } from '../native.ts';
import { FRAMEWORK_ADDRESS, STANDARD_LIBRARY_ADDRESS } from '../well-known.ts';
import { ADDRESS } from './address.ts';
import { BCS } from './bcs.ts';
import { DYNAMIC_FIELD } from './dynamic-field.ts';
import { ED25519 } from './ed25519.ts';
import { EVENT } from './event.ts';
import { HASH, SUI_HASH } from './hash.ts';
import { NITRO_ATTESTATION } from './nitro-attestation.ts';
import { OBJECT } from './object.ts';
import { STRING } from './string.ts';
import { TRANSFER } from './transfer.ts';
import { TX_CONTEXT } from './tx-context.ts';
import { TYPE_NAME } from './type-name.ts';
import { TYPES } from './types.ts';
import { UNIT_TEST } from './unit-test.ts';

const MODULES: Record<string, Record<string, NativeModule>> = {
  [STANDARD_LIBRARY_ADDRESS]: {
    bcs: BCS,
    hash: HASH,
    string: STRING,
    type_name: TYPE_NAME,
    unit_test: UNIT_TEST,
  },
  [FRAMEWORK_ADDRESS]: {
    address: ADDRESS,
    dynamic_field: DYNAMIC_FIELD,
    ed25519: ED25519,
    event: EVENT,
    hash: SUI_HASH,
    nitro_attestation: NITRO_ATTESTATION,
    object: OBJECT,
    transfer: TRANSFER,
    tx_context: TX_CONTEXT,
    types: TYPES,
  },
};

/** All natives, by their full names. */
export const NATIVES = new Map<string, Native>();
for (const [address, modules] of Object.entries(MODULES)) {
  for (const [module, natives] of Object.entries(modules)) {
    for (const [name, native] of Object.entries(natives))
      NATIVES.set(`${address}::${module}::${name}`, native);
  }
}

/**
 * Finds a native by its full name. The vector functions are not here: the compiler turns them into instructions.
 *
 * @returns undefined if it is not supported
 */
export function findNative(path: string): Native | undefined {
  return NATIVES.get(path);
}
