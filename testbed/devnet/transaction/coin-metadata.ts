import { bcs } from '@mysten/sui/bcs';

/** `0x2::coin::CoinMetadata<T>` */
export const CoinMetadata = bcs.struct('CoinMetadata', {
  id: bcs.Address,
  decimals: bcs.u8(),
  name: bcs.string(),
  symbol: bcs.string(),
  description: bcs.string(),
  iconUrl: bcs.option(bcs.string()),
});
