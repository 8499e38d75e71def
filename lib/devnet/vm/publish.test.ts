import { deserialize, serialize } from '@mysten/move-bytecode-template';
import { expect, test } from 'vitest';
import type { Bytecode } from './bytecode.ts';
import { checkPackage, summarizeModule } from './publish.ts';
import { sourceOf } from './testing/outcomes.ts';
import { compileModule, PROBE } from './testing/package.ts';
import { FRAMEWORK_ADDRESS, STANDARD_LIBRARY_ADDRESS } from './well-known.ts';

const modules = await compileModule(`
public struct Item has key, store { id: UID, n: u64 }
fun init(ctx: &mut TxContext) { transfer::transfer(make(1, ctx), ctx.sender()) }
public fun make(n: u64, ctx: &mut TxContext): Item { Item { id: object::new(ctx), n: n + 1 } }
public fun copies(text: std::string::String): vector<std::string::String> { vector[text, text] }
`);
const probe = modules.at(-1)!;
const framework = sourceOf(modules.slice(0, -1));

const refuses = (message: RegExp) =>
  expect.objectContaining({ code: 'PublishError', message: expect.stringMatching(message) });

/** The probe with its bytecode changed. */
function changed(change: (module: Bytecode) => void): Uint8Array {
  const module = deserialize(probe) as Bytecode;
  change(module);
  return serialize(module);
}

function body(module: Bytecode, name: string) {
  const { identifiers, function_handles, function_defs } = module;
  const isNamed = (handle: number) => identifiers[function_handles[handle]!.name] === name;
  return function_defs.find((definition) => isNamed(definition.function))!;
}

/** Puts `instruction` in place of the first one of that name. */
function swapInstruction(module: Bytecode, fn: string, name: string, instruction: string): void {
  const { code } = body(module, fn).code!;
  const at = code.indexOf(name);
  expect(at).toBeGreaterThanOrEqual(0);
  code[at] = instruction;
}

test('checkPackage() takes a good package', () => {
  expect(() => checkPackage(framework, [probe])).not.toThrow();
});

test('summarizeModule() reads what a module is called and needs', () => {
  expect(summarizeModule(probe)).toEqual({
    id: PROBE,
    dependencies: expect.arrayContaining([STANDARD_LIBRARY_ADDRESS, FRAMEWORK_ADDRESS]),
    hasInit: true,
  });
});

test('the framework itself is a good package', () => {
  for (const address of [STANDARD_LIBRARY_ADDRESS, FRAMEWORK_ADDRESS]) {
    const own = modules.filter((bytes) => selfAddress(bytes) === address);
    expect(own.length).toBeGreaterThan(0);
    expect(() => checkPackage(framework, own)).not.toThrow();
  }
});

test('checkPackage() refuses bytes that are no module', () => {
  expect(() => checkPackage(framework, [Uint8Array.of(1, 2, 3)])).toThrow(refuses(/Cannot read module/));
  expect(() => checkPackage(framework, [probe.subarray(0, -20)])).toThrow(refuses(/Cannot read module/));
});

test('checkPackage() refuses two modules of one name', () => {
  expect(() => checkPackage(framework, [probe, probe])).toThrow(refuses(/share a name/));
});

test('checkPackage() refuses modules whose dependencies are missing', () => {
  expect(() => checkPackage(sourceOf([]), [probe])).toThrow(refuses(/does not exist/));
});

test('checkPackage() refuses native functions', () => {
  const native = changed((module) => {
    delete body(module, 'copies').code;
  });
  expect(() => checkPackage(framework, [native])).toThrow(refuses(/copies is native/));
});

test('checkPackage() refuses code whose types do not fit', () => {
  const wrong = changed((module) => swapInstruction(module, 'make', 'Add', 'And'));
  expect(() => checkPackage(framework, [wrong])).toThrow(refuses(/found u64, expected bool/));
});

test('checkPackage() refuses code that leaves values behind', () => {
  const wrong = changed((module) => swapInstruction(module, 'make', 'Add', 'Nop'));
  expect(() => checkPackage(framework, [wrong])).toThrow(refuses(/make/));
});

test('checkPackage() refuses to copy what cannot be copied', () => {
  const wrong = changed((module) => {
    module.datatype_handles[module.struct_defs[0]!.struct_handle]!.abilities = 8;
    body(module, 'make').code!.code.splice(-1, 0, { StLoc: 2 }, { CopyLoc: 2 });
    module.signatures.push([{ Datatype: module.struct_defs[0]!.struct_handle }]);
    body(module, 'make').code!.locals = module.signatures.length - 1;
  });
  expect(() => checkPackage(framework, [wrong])).toThrow(refuses(/lacks a required ability/));
});

test('checkPackage() refuses objects without an id', () => {
  const wrong = changed((module) => {
    const information = module.struct_defs[0]!.field_information;
    if (information !== 'Native') information.Declared.shift();
  });
  expect(() => checkPackage(framework, [wrong])).toThrow(refuses(/does not begin with id: UID/));
});

test('checkPackage() refuses a public init', () => {
  const wrong = changed((module) => {
    body(module, 'init').visibility = 'Public';
  });
  expect(() => checkPackage(framework, [wrong])).toThrow(refuses(/init must be private/));
});

test('checkPackage() refuses calls of functions that are not visible', () => {
  const wrong = changed((module) => {
    const transfer = module.identifiers.indexOf('transfer');
    module.identifiers.push('transfer_impl');
    const handle = module.function_handles.find(
      ({ name, type_parameters }) => name === transfer && type_parameters.length === 1,
    )!;
    handle.name = module.identifiers.length - 1;
  });
  expect(() => checkPackage(framework, [wrong])).toThrow(refuses(/transfer_impl is not visible/));
});

function selfAddress(bytes: Uint8Array): string {
  const { module_handles, self_module_handle_idx, address_identifiers } = deserialize(bytes) as Bytecode;
  return `0x${address_identifiers[module_handles[self_module_handle_idx]!.address]}`;
}
