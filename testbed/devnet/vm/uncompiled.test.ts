/** Instructions that Sui's VM runs and no current compiler emits: they are put into compiled code by hand. */
import { deserialize, serialize } from '@mysten/move-bytecode-template';
import { expect, test } from 'vitest';
import { testSession, vmOf } from './testing/outcomes.ts';
import { compileModule, PROBE } from './testing/package.ts';
import type { Vm } from './vm.ts';

const SOURCE = `
public fun both(a: bool, b: bool): bool { a == b }
public fun choose(a: bool): u64 { if (a) 1 else 2 }
public fun same(a: u64): u64 { a }
`;

interface Code {
  function_handles: { name: number }[];
  function_defs: { function: number; code: { code: (string | Record<string, unknown>)[] } }[];
  identifiers: string[];
}

/** The module with one function's code changed. */
async function vmWithCode(
  name: string,
  change: (code: Code['function_defs'][0]['code']['code']) => void,
): Promise<Vm> {
  const modules = await compileModule(SOURCE);
  const changed = modules.map((bytes) => {
    const module = deserialize(bytes) as Code;
    const definition = module.function_defs.find(
      (candidate) => module.identifiers[module.function_handles[candidate.function]!.name] === name,
    );
    if (definition === undefined || !isProbe(module)) return bytes;
    change(definition.code.code);
    return serialize(module as never);
  });
  return vmOf(changed);
}

const isProbe = ({ identifiers }: Code) => identifiers.includes('both');

function call(vm: Vm, name: string, args: Uint8Array[]): Uint8Array {
  const result = vm.call(testSession(), {
    module: PROBE,
    function: name,
    typeArguments: [],
    arguments: args,
  });
  return result.returns[0]!.bcs;
}

function replace(from: string, to: string) {
  return (code: (string | Record<string, unknown>)[]) => {
    const at = code.findIndex((item) => (typeof item === 'string' ? item : Object.keys(item)[0]) === from);
    const item = code[at]!;
    code[at] = typeof item === 'string' ? to : { [to]: Object.values(item)[0] };
  };
}

test.each([
  ['And', (a: number, b: number) => a & b],
  ['Or', (a: number, b: number) => a | b],
])('%s joins two truth values', async (instruction, expected) => {
  const vm = await vmWithCode('both', replace('Eq', instruction));
  for (const [a, b] of [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ] as const) {
    expect([...call(vm, 'both', [Uint8Array.of(a), Uint8Array.of(b)])]).toEqual([expected(a, b)]);
  }
});

test('BrTrue branches where BrFalse does not', async () => {
  const vm = await vmWithCode('choose', replace('BrFalse', 'BrTrue'));
  const choose = (a: number) => call(vm, 'choose', [Uint8Array.of(a)])[0];
  expect([choose(0), choose(1)]).toEqual([1, 2]);
});

test('Nop does nothing', async () => {
  const vm = await vmWithCode('same', (code) => void code.splice(1, 0, 'Nop'));
  const seven = Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0);
  expect(call(vm, 'same', [seven])).toEqual(seven);
});
