import { deserialize } from '@mysten/move-bytecode-template';
import type { GrpcTypes } from '@mysten/sui/grpc';
import { normalizeSuiAddress } from '@mysten/sui/utils';
import type { Chain } from '../chain/chain.ts';
import { DevnetError } from '../error.ts';
import { packageCode } from '../transaction/package-code.ts';
import type { Address } from '../vm/types.ts';
import { Mask } from './mask.ts';
import {
  describeDatatype,
  describeFunction,
  describeModule,
  type LinkedModule,
  type RawModule,
} from './move-description.ts';
import { objectMessage } from './object-message.ts';

/** `sui.rpc.v2.MovePackageService`: what packages declare; the SDK gives plain arguments their types by it. */
export function packageService(chain: Chain) {
  return {
    getPackage({ packageId }: GrpcTypes.GetPackageRequest): GrpcTypes.GetPackageResponse {
      const object = findPackage(chain, packageId);
      const { package: found } = objectMessage(chain, object, Mask.of(undefined, 'package', 'Object'));
      const modules = found!.modules.map((module) => ({
        ...module,
        ...describeModule(findModule(chain, packageId, module.name)!),
      }));
      return { package: { ...found!, modules } };
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

    listPackageVersions({
      packageId,
      pageSize,
      pageToken,
    }: GrpcTypes.ListPackageVersionsRequest): GrpcTypes.ListPackageVersionsResponse {
      const { originalId } = packageCode(findPackage(chain, packageId))!;
      const after = pageToken === undefined ? 0n : readToken(pageToken);
      const rest = versionsOf(chain, originalId).filter(({ version }) => version > after);
      const versions = rest.slice(0, Math.min(pageSize || DEFAULT_PAGE, MAX_PAGE));
      const last = versions.at(-1);
      if (last === undefined || versions.length === rest.length) return { versions };
      return { versions, nextPageToken: Buffer.from(last.version.toString()) };
    },
  };
}

/** Sui's sizes of a page of versions. */
const DEFAULT_PAGE = 1_000;
const MAX_PAGE = 10_000;

/** A token is the version that the page before ended with. */
function readToken(token: Uint8Array): bigint {
  const text = Buffer.from(token).toString();
  if (!/^\d{1,19}$/.test(text)) throw new DevnetError('INVALID_ARGUMENT', 'Invalid page_token');
  return BigInt(text);
}

function versionsOf({ store }: Chain, originalId: Address): { packageId: Address; version: bigint }[] {
  return store
    .packages()
    .filter((object) => packageCode(object)!.originalId === originalId)
    .map(({ id, version }) => ({ packageId: id, version }))
    .sort((a, b) => (a.version < b.version ? -1 : 1));
}

function findPackage({ store }: Chain, packageId: string | undefined) {
  const object = store.object(normalizeSuiAddress(packageId ?? ''));
  if (object?.data.kind !== 'package') throw new DevnetError('NOT_FOUND', `Package ${packageId} not found`);
  return object;
}

function findModule(chain: Chain, packageId: string | undefined, name = ''): LinkedModule | undefined {
  const own = packageCode(findPackage(chain, packageId))!;
  const code = own.modules.get(name);
  const linked = (originalId: Address) => {
    if (originalId === own.originalId) return own;
    return packageCode(chain.store.object(own.linkage.get(originalId)?.id ?? originalId));
  };
  const definingId: LinkedModule['definingId'] = (originalId, module, type) =>
    linked(originalId)?.origins.get(`${module}::${type}`) ?? originalId;
  return code && { ...(deserialize(code) as RawModule), definingId };
}
