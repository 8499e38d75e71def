import { bcs } from '@mysten/sui/bcs';
import { GrpcTypes } from '@mysten/sui/grpc';
import type { Store } from '../chain/store.ts';
import { DevnetError } from '../error.ts';
import { CoinMetadata } from '../transaction/coin-metadata.ts';
import { type ChainObject, coinBalance } from '../transaction/object.ts';
import { ADDRESS_2, SUI_COIN_TYPE, SUI_TYPE } from '../transaction/type-name.ts';
import type { TypeName } from '../vm/types.ts';

const {
  CoinTreasury_SupplyState: SupplyState,
  CoinMetadata_MetadataCapState: CapState,
  RegulatedCoinMetadata_CoinRegulatedState: RegulatedState,
} = GrpcTypes;

const TreasuryCap = bcs.struct('TreasuryCap', { id: bcs.Address, totalSupply: bcs.u64() });
const ZERO_ADDRESS = `0x${'0'.repeat(64)}`;

/**
 * What is known of a coin type: its `CoinMetadata` and `TreasuryCap` as long as they exist unwrapped.
 *
 * @throws {DevnetError} `NOT_FOUND` when there is neither
 */
export function coinInfo(store: Store, coinType: TypeName): GrpcTypes.GetCoinInfoResponse {
  const find = (name: string) => contentsOf(store.coinInfo(`${ADDRESS_2}::coin::${name}<${coinType}>`));
  const [metadata, cap] = [find('CoinMetadata'), find('TreasuryCap')];
  const treasury = coinType === SUI_TYPE ? suiTreasury(store) : cap && treasuryMessage(cap);
  if (metadata === undefined && treasury === undefined)
    throw new DevnetError('NOT_FOUND', `Coin type ${coinType} not found`);
  return {
    coinType,
    ...(metadata && { metadata: metadataMessage(metadata.contents) }),
    ...(treasury && { treasury }),
    // There is no deny list, so no coin of this chain is regulated through it; a full node without a registry says no more.
    regulatedMetadata: { coinRegulatedState: RegulatedState.COIN_REGULATED_STATE_UNKNOWN },
  };
}

interface MoveObject {
  object: ChainObject;
  contents: Uint8Array;
}

function contentsOf(object: ChainObject | undefined): MoveObject | undefined {
  return object?.data.kind === 'move' ? { object, contents: object.data.contents } : undefined;
}

function metadataMessage(contents: Uint8Array): GrpcTypes.CoinMetadata {
  const { iconUrl, ...metadata } = CoinMetadata.parse(contents);
  return {
    ...metadata,
    ...(iconUrl !== null && { iconUrl }),
    metadataCapState: CapState.METADATA_CAP_STATE_UNKNOWN,
  };
}

/** A cap that nobody can use any more fixes the supply. */
function treasuryMessage({ object, contents }: MoveObject): GrpcTypes.CoinTreasury {
  const { id, totalSupply } = TreasuryCap.parse(contents);
  const { owner } = object;
  const isLocked = owner.kind === 'immutable' || (owner.kind === 'address' && owner.address === ZERO_ADDRESS);
  return {
    id,
    totalSupply: BigInt(totalSupply),
    supplyState: isLocked ? SupplyState.FIXED : SupplyState.SUPPLY_STATE_UNKNOWN,
  };
}

/** All SUI that there ever is was given at genesis. */
function suiTreasury(store: Store): GrpcTypes.CoinTreasury {
  const { changedObjects } = bcs.TransactionEffects.parse(store.transactionAt(0)!.effects).V2!;
  let totalSupply = 0n;
  for (const [id] of changedObjects) {
    const data = store.objectAt(id, 1n)?.data;
    if (data?.kind === 'move' && data.type === SUI_COIN_TYPE) totalSupply += coinBalance(data.contents);
  }
  return { totalSupply, supplyState: SupplyState.FIXED };
}
