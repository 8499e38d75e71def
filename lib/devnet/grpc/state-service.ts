import { GrpcTypes } from '@mysten/sui/grpc';
import { normalizeSuiAddress } from '@mysten/sui/utils';
import type { Chain } from '../chain.ts';
import { DevnetError } from '../error.ts';
import type { ChainObject } from '../object.ts';
import type { Page } from '../store.ts';
import { ADDRESS_2, coinTypeOf, SUI_TYPE, typeName } from '../type-name.ts';
import { splitDynamicField } from './dynamic-field.ts';
import { Mask } from './mask.ts';
import { objectMessage } from './object-message.ts';

const { DynamicField_DynamicFieldKind: FieldKind } = GrpcTypes;
const DEFAULT_PAGE = 50;
const MAX_PAGE = 1_000;

/** As of Sui's genesis. No other coin has metadata here: the framework has nothing to make it with. */
const SUI_METADATA: GrpcTypes.CoinMetadata = { decimals: 9, name: 'Sui', symbol: 'SUI', description: '' };

/** `sui.rpc.v2.StateService`. */
export function stateService(chain: Chain) {
  const { store } = chain;
  return {
    listOwnedObjects(request: GrpcTypes.ListOwnedObjectsRequest): GrpcTypes.ListOwnedObjectsResponse {
      const mask = Mask.of(request.readMask, 'object_id,version,object_type');
      const type = request.objectType === undefined ? {} : { type: readType(request.objectType) };
      const page = store.ownedBy(readAddress(request.owner, 'owner'), 'address', {
        ...pageOf(request),
        ...type,
      });
      return { objects: page.items.map((object) => objectMessage(chain, object, mask)), ...nextToken(page) };
    },

    listDynamicFields(request: GrpcTypes.ListDynamicFieldsRequest): GrpcTypes.ListDynamicFieldsResponse {
      const mask = Mask.of(request.readMask, 'parent,field_id');
      const page = store.ownedBy(readAddress(request.parent, 'parent'), 'object', pageOf(request));
      return {
        dynamicFields: page.items.flatMap((field) => fieldMessage(chain, field, mask)),
        ...nextToken(page),
      };
    },

    getBalance({ owner, coinType }: GrpcTypes.GetBalanceRequest): GrpcTypes.GetBalanceResponse {
      const type = readType(coinType ?? '');
      const balance =
        store.coinBalances(readAddress(owner, 'owner')).get(`${ADDRESS_2}::coin::Coin<${type}>`) ?? 0n;
      return { balance: balanceMessage(type, balance) };
    },

    listBalances({ owner }: GrpcTypes.ListBalancesRequest): GrpcTypes.ListBalancesResponse {
      const balances = store.coinBalances(readAddress(owner, 'owner'));
      return { balances: [...balances].map(([type, balance]) => balanceMessage(coinTypeOf(type)!, balance)) };
    },

    getCoinInfo({ coinType }: GrpcTypes.GetCoinInfoRequest): GrpcTypes.GetCoinInfoResponse {
      const type = readType(coinType ?? '');
      if (type === SUI_TYPE) return { coinType: type, metadata: SUI_METADATA };
      throw new DevnetError('NOT_FOUND', `Coin type ${type} not found`);
    },
  };
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

function pageOf({ pageSize, pageToken }: { pageSize?: number; pageToken?: Uint8Array }) {
  const limit = Math.min(pageSize || DEFAULT_PAGE, MAX_PAGE);
  return pageToken?.length ? { limit, after: Buffer.from(pageToken).toString() } : { limit };
}

function nextToken({ next }: Page<unknown>): { nextPageToken?: Uint8Array } {
  return next === undefined ? {} : { nextPageToken: Buffer.from(next) };
}

function readAddress(address: string | undefined, field: string): string {
  if (!address) throw new DevnetError('INVALID_ARGUMENT', `Cannot read request: ${field} is missing`);
  return normalizeSuiAddress(address);
}

function readType(type: string): string {
  try {
    return typeName(type);
  } catch (cause) {
    throw new DevnetError('INVALID_ARGUMENT', `Cannot read request: "${type}" is not a type`, { cause });
  }
}
