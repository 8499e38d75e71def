import type { Type } from './type.ts';
import type { Address } from './types.ts';

/** `std` */
export const STANDARD_LIBRARY_ADDRESS: Address = `0x${'1'.padStart(64, '0')}`;
/** `sui` */
export const FRAMEWORK_ADDRESS: Address = `0x${'2'.padStart(64, '0')}`;

/** The framework types that the VM treats specially, by name without type arguments. */
export const TYPE_PATH = {
  option: `${STANDARD_LIBRARY_ADDRESS}::option::Option`,
  string: `${STANDARD_LIBRARY_ADDRESS}::string::String`,
  ascii: `${STANDARD_LIBRARY_ADDRESS}::ascii::String`,
  id: `${FRAMEWORK_ADDRESS}::object::ID`,
  uid: `${FRAMEWORK_ADDRESS}::object::UID`,
  txContext: `${FRAMEWORK_ADDRESS}::tx_context::TxContext`,
} as const;

/** `address::module::Name` of a struct or enum, without type arguments; undefined for other types. */
export function pathOf(type: Type): string | undefined {
  if (!type.datatype) return undefined;
  const { module, name } = type.datatype;
  return `${module.address}::${module.name}::${name}`;
}
