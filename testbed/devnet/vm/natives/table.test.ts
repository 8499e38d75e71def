import { compileFramework } from '@daasvader/move/compile.ts';
import { expect, test } from 'vitest';
import { parseBytecode } from '../bytecode.ts';
import { findNative } from './table.ts';

/** The compiler turns their calls into instructions. */
const INSTRUCTIONS = /^0x0*1::vector::/;

test('every native that the framework declares is there', async () => {
  const missing = (await compileFramework()).flatMap(nativesOf).filter((path) => !findNative(path));
  expect(missing.filter((path) => !INSTRUCTIONS.test(path))).toEqual([]);
});

function nativesOf(bytes: Uint8Array): string[] {
  const { module_handles, self_module_handle_idx, address_identifiers, identifiers, ...module } =
    parseBytecode(bytes);
  const self = module_handles[self_module_handle_idx]!;
  const prefix = `0x${address_identifiers[self.address]}::${identifiers[self.name]}`;
  return module.function_defs
    .filter((definition) => definition.code === undefined)
    .map((definition) => `${prefix}::${identifiers[module.function_handles[definition.function]!.name]}`);
}
