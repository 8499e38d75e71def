import { summarizeModule } from '../vm/publish.ts';
import type { PackageCode } from '../vm/types.ts';
import type { ChainObject } from './object.ts';

const known = new WeakMap<ChainObject, PackageCode>();

/** @returns a package object as the VM links it, undefined for any other object */
export function packageCode(object: ChainObject | undefined): PackageCode | undefined {
  if (object?.data.kind !== 'package') return undefined;
  const code = known.get(object) ?? read(object, object.data);
  known.set(object, code);
  return code;
}

function read({ id, version }: ChainObject, data: ChainObject['data'] & { kind: 'package' }): PackageCode {
  const [first] = data.modules.values();
  return {
    id,
    version,
    // All versions' modules name the first one as their package.
    originalId: summarizeModule(first!).id.address,
    modules: data.modules,
    origins: new Map(
      data.typeOrigins.map(({ moduleName, datatypeName, package: origin }) => [
        `${moduleName}::${datatypeName}`,
        origin,
      ]),
    ),
    linkage: new Map(
      [...data.linkage].map(([originalId, { upgradedId, upgradedVersion }]) => [
        originalId,
        { id: upgradedId, version: BigInt(upgradedVersion) },
      ]),
    ),
  };
}
