import { GrpcTypes } from '@mysten/sui/grpc';
import type { Chain } from '../chain/chain.ts';
import { type ChainObject, type ChainOwner, coinBalance, encodeObject } from '../transaction/object.ts';
import { packageCode } from '../transaction/package-code.ts';
import { coinTypeOf } from '../transaction/type-name.ts';
import { jsonField } from './json-field.ts';
import type { Mask } from './mask.ts';

const { Owner_OwnerKind } = GrpcTypes;

/**
 * @returns an object as `sui.rpc.v2.Object`, with the fields that the mask asks for; `display` is of types with a
 * template, of which this chain can have none
 */
export function objectMessage({ vm }: Chain, object: ChainObject, mask: Mask): GrpcTypes.Object {
  const { data } = object;
  const { bytes, digest } = encodeObject(object);
  const move = data.kind === 'move' ? data : undefined;
  const message: GrpcTypes.Object = {};
  if (mask.has('bcs')) message.bcs = { name: 'Object', value: bytes };
  if (mask.has('object_id')) message.objectId = object.id;
  if (mask.has('version')) message.version = object.version;
  if (mask.has('digest')) message.digest = digest;
  if (mask.has('owner')) message.owner = ownerMessage(object.owner);
  if (mask.has('object_type')) message.objectType = move?.type ?? 'package';
  if (mask.has('previous_transaction')) message.previousTransaction = object.previousTransaction;
  if (mask.has('storage_rebate')) message.storageRebate = object.storageRebate;
  if (mask.has('has_public_transfer')) message.hasPublicTransfer = move?.hasPublicTransfer ?? false;
  if (mask.has('contents') && move) message.contents = { name: move.type, value: move.contents };
  if (mask.has('balance') && move && coinTypeOf(move.type)) message.balance = coinBalance(move.contents);
  if (mask.has('json') && move) Object.assign(message, jsonField(vm, move.type, move.contents));
  if (mask.has('package') && data.kind === 'package') {
    message.package = {
      storageId: object.id,
      originalId: packageCode(object)!.originalId,
      version: object.version,
      modules: [...data.modules].map(([name, contents]) => ({
        name,
        contents,
        datatypes: [],
        functions: [],
      })),
      typeOrigins: data.typeOrigins.map(({ moduleName, datatypeName, package: packageId }) => ({
        moduleName,
        datatypeName,
        packageId,
      })),
      linkage: [...data.linkage].map(([originalId, { upgradedId, upgradedVersion }]) => ({
        originalId,
        upgradedId,
        upgradedVersion: BigInt(upgradedVersion),
      })),
    };
  }
  return message;
}

export function ownerMessage(owner: ChainOwner): GrpcTypes.Owner {
  switch (owner.kind) {
    case 'address':
      return { kind: Owner_OwnerKind.ADDRESS, address: owner.address };
    case 'object':
      return { kind: Owner_OwnerKind.OBJECT, address: owner.parent };
    case 'shared':
      return { kind: Owner_OwnerKind.SHARED, version: owner.initialVersion };
    case 'immutable':
      return { kind: Owner_OwnerKind.IMMUTABLE };
  }
}
