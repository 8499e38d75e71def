import type { PackageData } from '../transaction/object.ts';
import { parseBytecode } from '../vm/bytecode.ts';
import type { Address } from '../vm/types.ts';

type TypeOrigins = PackageData['typeOrigins'];

/**
 * Where each struct and enum of a package comes from, as `MovePackage` lists them: in the order of the modules.
 *
 * @param before - origins in the version that this one upgrades; types that are not among them are this one's
 */
export function typeOrigins(
  id: Address,
  modules: Iterable<[string, Uint8Array]>,
  before: TypeOrigins = [],
): TypeOrigins {
  const known = new Map(before.map((origin) => [pathOf(origin), origin.package]));
  return [...modules].flatMap(([moduleName, code]) =>
    typesOf(code).map((datatypeName) => {
      const origin = known.get(pathOf({ moduleName, datatypeName }));
      return { moduleName, datatypeName, package: origin ?? id };
    }),
  );
}

function typesOf(code: Uint8Array): string[] {
  const { struct_defs, enum_defs, datatype_handles, identifiers } = parseBytecode(code);
  const handles = [
    ...struct_defs.map((definition) => definition.struct_handle),
    ...enum_defs.map((definition) => definition.enum_handle),
  ];
  return handles.map((handle) => identifiers[datatype_handles[handle]!.name]!);
}

function pathOf({ moduleName, datatypeName }: { moduleName: string; datatypeName: string }): string {
  return `${moduleName}::${datatypeName}`;
}
