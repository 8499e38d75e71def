import { type Bytecode, parseBytecode, type SignatureToken } from '@daasvader/testbed/devnet/vm/bytecode.ts';

/** Bits of a set of abilities, in the order in which they are written here. */
const ABILITIES = [
  ['copy', 1],
  ['drop', 2],
  ['store', 4],
  ['key', 8],
] as const;
const ROOTS: Readonly<Record<string, string>> = { 1: 'std', 2: 'sui' };

/**
 * All of the framework that compiled modules link to, each as a line: functions with their signatures, which the linker
 * compares, and types with their abilities. Types are named by module, type parameters by number.
 */
export function linkedTo(modules: readonly Uint8Array[]): string[] {
  const lines = modules
    .map(parseBytecode)
    .flatMap((module) => [
      ...module.function_handles.map((_, index) => functionLine(module, index)),
      ...module.datatype_handles.map((_, index) => typeLine(module, index)),
    ]);
  return [...new Set(lines.filter((line) => line !== undefined))].sort();
}

/** The fields of the structs that modules define, each struct as a line. */
export function layoutsOf(modules: readonly Uint8Array[]): string[] {
  return modules.map(parseBytecode).flatMap((module) =>
    module.struct_defs.flatMap(({ struct_handle, field_information }) => {
      if (field_information === 'Native') return [];
      const fields = field_information.Declared.map(
        ({ name, signature }) => `${module.identifiers[name]}: ${typeOf(module, signature)}`,
      );
      return [`${datatype(module, struct_handle)} { ${fields.join(', ')} }`];
    }),
  );
}

function functionLine(module: Bytecode, index: number): string | undefined {
  const { module: owner, name, parameters, return_, type_parameters } = module.function_handles[index]!;
  const path = pathOf(module, owner);
  if (path === undefined) return undefined;
  const list = (signature: number) =>
    module.signatures[signature]!.map((token) => typeOf(module, token)).join(', ');
  const constraints = generics(type_parameters.map((abilities) => abilitiesOf(abilities)));
  const result = list(return_);
  return `${path}::${module.identifiers[name]}${constraints}(${list(parameters)})${result === '' ? '' : `: ${result}`}`;
}

function typeLine(module: Bytecode, index: number): string | undefined {
  const { module: owner, abilities, type_parameters } = module.datatype_handles[index]!;
  if (pathOf(module, owner) === undefined) return undefined;
  const parameters = type_parameters.map(({ constraints, is_phantom }) =>
    `${is_phantom ? 'phantom ' : ''}${abilitiesOf(constraints)}`.trim(),
  );
  const has = abilities === 0 ? '' : ` has ${abilitiesOf(abilities)}`;
  return `struct ${datatype(module, index)}${generics(parameters)}${has}`;
}

/** `std::option`, or nothing for a module of the contracts themselves. */
function pathOf(module: Bytecode, index: number): string | undefined {
  const { address, name } = module.module_handles[index]!;
  const root = ROOTS[`${BigInt(`0x${module.address_identifiers[address]}`)}`];
  return root === undefined ? undefined : `${root}::${module.identifiers[name]}`;
}

function datatype(module: Bytecode, index: number): string {
  const { module: owner, name } = module.datatype_handles[index]!;
  return `${pathOf(module, owner)}::${module.identifiers[name]}`;
}

function typeOf(module: Bytecode, token: SignatureToken): string {
  if (typeof token === 'string') return token.toLowerCase();
  if ('Vector' in token) return `vector<${typeOf(module, token.Vector)}>`;
  if ('Reference' in token) return `&${typeOf(module, token.Reference)}`;
  if ('MutableReference' in token) return `&mut ${typeOf(module, token.MutableReference)}`;
  if ('TypeParameter' in token) return `T${token.TypeParameter}`;
  if ('Datatype' in token) return datatype(module, token.Datatype);
  const [index, types] = token.DatatypeInstantiation;
  return `${datatype(module, index)}<${types.map((type) => typeOf(module, type)).join(', ')}>`;
}

function generics(constraints: readonly string[]): string {
  if (constraints.length === 0) return '';
  const named = constraints.map((constraint, index) => {
    const [abilities, phantom] = [constraint.replace(/^phantom ?/, ''), /^phantom/.test(constraint)];
    return `${phantom ? 'phantom ' : ''}T${index}${abilities === '' ? '' : `: ${abilities}`}`;
  });
  return `<${named.join(', ')}>`;
}

function abilitiesOf(set: number): string {
  return ABILITIES.flatMap(([name, bit]) => (set & bit ? [name] : [])).join(' + ');
}
