import { GrpcTypes } from '@mysten/sui/grpc';
import { isValidSuiAddress } from '@mysten/sui/utils';
import type { Chain } from '../chain/chain.ts';
import type { ChainObject } from '../transaction/object.ts';
import { ADDRESS_2, coinTypeOf } from '../transaction/type-name.ts';
import { coinInfo } from './coin-info.ts';
import { splitDynamicField } from './dynamic-field.ts';
import { Mask } from './mask.ts';
import { objectMessage } from './object-message.ts';
import { nextToken, readAddress, readPage, readType } from './request.ts';

const { DynamicField_DynamicFieldKind: FieldKind } = GrpcTypes;

/** `sui.rpc.v2.StateService`. */
export function stateService(chain: Chain) {
  const { store } = chain;
  return {
    listOwnedObjects(request: GrpcTypes.ListOwnedObjectsRequest): GrpcTypes.ListOwnedObjectsResponse {
      const mask = Mask.of(request.readMask, 'object_id,version,object_type', 'Object');
      const type =
        request.objectType === undefined ? {} : { type: readType(request.objectType, 'object_type') };
      const page = store.ownedBy(readAddress(request.owner, 'owner'), 'address', {
        ...readPage(request, isValidSuiAddress),
        ...type,
      });
      return { objects: page.items.map((object) => objectMessage(chain, object, mask)), ...nextToken(page) };
    },

    listDynamicFields(request: GrpcTypes.ListDynamicFieldsRequest): GrpcTypes.ListDynamicFieldsResponse {
      const mask = Mask.of(request.readMask, 'parent,field_id', 'DynamicField');
      const page = store.ownedBy(
        readAddress(request.parent, 'parent'),
        'object',
        readPage(request, isValidSuiAddress),
      );
      return {
        dynamicFields: page.items.flatMap((field) => fieldMessage(chain, field, mask)),
        ...nextToken(page),
      };
    },

    getBalance({ owner, coinType }: GrpcTypes.GetBalanceRequest): GrpcTypes.GetBalanceResponse {
      const type = readType(coinType, 'coin_type');
      const balance =
        store.coinBalances(readAddress(owner, 'owner')).get(`${ADDRESS_2}::coin::Coin<${type}>`) ?? 0n;
      return { balance: balanceMessage(type, balance) };
    },

    listBalances(request: GrpcTypes.ListBalancesRequest): GrpcTypes.ListBalancesResponse {
      const { limit, after = '' } = readPage(request, isCoin);
      const balances = [...store.coinBalances(readAddress(request.owner, 'owner'))];
      const rest = balances.filter(([type]) => type > after);
      const page = rest.slice(0, limit);
      return {
        balances: page.map(([type, balance]) => balanceMessage(coinTypeOf(type)!, balance)),
        ...nextToken({ next: rest.length > limit ? page.at(-1)![0] : undefined }),
      };
    },

    getCoinInfo({ coinType }: GrpcTypes.GetCoinInfoRequest): GrpcTypes.GetCoinInfoResponse {
      return coinInfo(store, readType(coinType, 'coin_type'));
    },
  };
}

function isCoin(type: string): boolean {
  return coinTypeOf(type) !== undefined;
}

/** Addresses hold no balances of their own on this chain: all is in coins. */
function balanceMessage(coinType: string, balance: bigint): GrpcTypes.Balance {
  return { coinType, balance, coinBalance: balance, addressBalance: 0n };
}

function fieldMessage(chain: Chain, field: ChainObject, mask: Mask): GrpcTypes.DynamicField[] {
  const parts = splitDynamicField(field);
  if (parts === undefined || field.owner.kind !== 'object') return [];
  const { nameType, name, value, childId } = parts;
  const child = childId === undefined ? undefined : chain.store.object(childId);
  const valueType = child?.data.kind === 'move' ? child.data.type : parts.valueType;
  const message: GrpcTypes.DynamicField = { fieldId: field.id };
  if (mask.has('kind')) message.kind = childId === undefined ? FieldKind.FIELD : FieldKind.OBJECT;
  if (mask.has('parent')) message.parent = field.owner.parent;
  if (mask.has('name')) message.name = { name: nameType, value: name };
  if (mask.has('value')) message.value = { name: parts.valueType, value };
  if (mask.has('value_type')) message.valueType = valueType;
  if (mask.has('field_object')) message.fieldObject = objectMessage(chain, field, mask.in('field_object'));
  if (mask.has('child_id') && childId !== undefined) message.childId = childId;
  if (mask.has('child_object') && child)
    message.childObject = objectMessage(chain, child, mask.in('child_object'));
  return [message];
}
