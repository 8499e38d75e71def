import { deserialize } from '@mysten/move-bytecode-template';
import type { GrpcTypes } from '@mysten/sui/grpc';
import { normalizeSuiAddress } from '@mysten/sui/utils';
import type { Chain } from '../chain.ts';
import { DevnetError } from '../error.ts';
import { Mask } from './mask.ts';
import { describeDatatype, describeFunction, type RawModule } from './move-description.ts';
import { objectMessage } from './object-message.ts';

/** `sui.rpc.v2.MovePackageService`: what packages declare; the SDK gives plain arguments their types by it. */
export function packageService(chain: Chain) {
  return {
    getPackage({ packageId }: GrpcTypes.GetPackageRequest): GrpcTypes.GetPackageResponse {
      const object = findPackage(chain, packageId);
      const { package: found } = objectMessage(object, Mask.of({ paths: ['package'] }, ''));
      return found === undefined ? {} : { package: found };
    },

    getFunction({
      packageId,
      moduleName,
      name,
    }: GrpcTypes.GetFunctionRequest): GrpcTypes.GetFunctionResponse {
      const module = findModule(chain, packageId, moduleName);
      const found = module && describeFunction(module, name ?? '');
      if (!found)
        throw new DevnetError('NOT_FOUND', `Function ${packageId}::${moduleName}::${name} not found`);
      return { function: found };
    },

    getDatatype({
      packageId,
      moduleName,
      name,
    }: GrpcTypes.GetDatatypeRequest): GrpcTypes.GetDatatypeResponse {
      const module = findModule(chain, packageId, moduleName);
      const found = module && describeDatatype(module, name ?? '');
      if (!found)
        throw new DevnetError('NOT_FOUND', `Datatype ${packageId}::${moduleName}::${name} not found`);
      return { datatype: found };
    },

    /** There are no upgrades, so each package has the one version. */
    listPackageVersions({
      packageId,
    }: GrpcTypes.ListPackageVersionsRequest): GrpcTypes.ListPackageVersionsResponse {
      const { id, version } = findPackage(chain, packageId);
      return { versions: [{ packageId: id, version }] };
    },
  };
}

function findPackage({ store }: Chain, packageId: string | undefined) {
  const object = store.object(normalizeSuiAddress(packageId ?? ''));
  if (object?.data.kind !== 'package') throw new DevnetError('NOT_FOUND', `Package ${packageId} not found`);
  return object;
}

function findModule(chain: Chain, packageId: string | undefined, name = ''): RawModule | undefined {
  const { data } = findPackage(chain, packageId);
  const code = data.kind === 'package' ? data.modules.get(name) : undefined;
  return code && (deserialize(code) as RawModule);
}
