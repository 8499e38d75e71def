import { deserialize } from '@mysten/move-bytecode-template';
import type { PackageData } from '../object.ts';
import type { Address } from '../vm/types.ts';

interface RawModule {
  identifiers: string[];
  datatype_handles: { name: number }[];
  struct_defs: { struct_handle: number }[];
  enum_defs?: { enum_handle: number }[];
}

/** @returns each struct and enum of a new package with the package as its origin, as `MovePackage` lists them */
export function typeOrigins(id: Address, modules: Map<string, Uint8Array>): PackageData['typeOrigins'] {
  return [...modules].flatMap(([moduleName, code]) => {
    const module = deserialize(code) as RawModule;
    const handles = [
      ...module.struct_defs.map((definition) => definition.struct_handle),
      ...(module.enum_defs ?? []).map((definition) => definition.enum_handle),
    ];
    return handles.map((handle) => {
      const datatypeName = module.identifiers[module.datatype_handles[handle]!.name]!;
      return { moduleName, datatypeName, package: id };
    });
  });
}
