import { bcs } from '@mysten/sui/bcs';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { sha256 } from '@noble/hashes/sha2.js';
import type { Chain } from '../chain/chain.ts';
import type { StoredTransaction } from '../chain/store.ts';
import { DevnetError } from '../error.ts';
import { GAS } from '../protocol.ts';
import { encodeObject } from '../transaction/object.ts';
import { SUI_COIN_TYPE } from '../transaction/type-name.ts';
import type { Address } from '../vm/types.ts';

/** MIST a request without an amount gets: 1,000 SUI. */
export const FAUCET_AMOUNT = 1_000_000_000_000n;
/** MIST; a transfer costs about a tenth. */
const BUDGET = 50_000_000n;

export interface FaucetGift {
  /** Base58. */
  digest: string;
  coins: { id: Address; amount: bigint }[];
}

/** An account full of SUI that sends real transactions, one after the other since each spends the coin of the last. */
export class Faucet {
  readonly address: Address;
  readonly #keypair: Ed25519Keypair;
  readonly #chain: Chain;
  #last: Promise<unknown> = Promise.resolve();

  constructor(chain: Chain, keypair: Ed25519Keypair) {
    this.#chain = chain;
    this.#keypair = keypair;
    this.address = keypair.toSuiAddress();
  }

  /** Sends SUI to an address. @throws {DevnetError} `RESOURCE_EXHAUSTED` when the faucet is empty */
  async request(recipient: Address, amount: bigint = FAUCET_AMOUNT): Promise<FaucetGift> {
    const result = this.#last.then(() => this.#send(recipient, amount));
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #send(recipient: Address, amount: bigint): Promise<FaucetGift> {
    const bytes = this.#transfer(recipient, amount);
    const { signature } = await this.#keypair.signTransaction(bytes);
    const stored = await this.#chain.submit(bytes, [Buffer.from(signature, 'base64')]);
    return { digest: stored.digest, coins: [{ id: createdId(stored), amount }] };
  }

  #transfer(recipient: Address, amount: bigint): Uint8Array {
    const { items } = this.#chain.store.ownedBy(this.address, 'address', { type: SUI_COIN_TYPE, limit: 1 });
    const [coin] = items;
    if (coin === undefined)
      throw new DevnetError('RESOURCE_EXHAUSTED', 'Cannot serve faucet request: it has no coin left');
    const reference = { objectId: coin.id, version: coin.version, digest: encodeObject(coin).digest };
    const pure = (value: Uint8Array) => ({ Pure: { bytes: value } });
    return bcs.TransactionData.serialize({
      V1: {
        kind: {
          ProgrammableTransaction: {
            inputs: [
              pure(bcs.u64().serialize(amount).toBytes()),
              pure(bcs.Address.serialize(recipient).toBytes()),
            ],
            commands: [
              { SplitCoins: { coin: { GasCoin: true }, amounts: [{ Input: 0 }] } },
              { TransferObjects: { objects: [{ NestedResult: [0, 0] }], address: { Input: 1 } } },
            ],
          },
        },
        sender: this.address,
        gasData: { payment: [reference], owner: this.address, price: GAS.referencePrice, budget: BUDGET },
        expiration: { None: true },
      },
    }).toBytes();
  }
}

/** @returns a key that only this chain's secret yields */
export function deriveKeypair(secret: Uint8Array, name: string): Ed25519Keypair {
  return Ed25519Keypair.fromSecretKey(sha256(Buffer.concat([secret, Buffer.from(`account ${name}`)])));
}

function createdId({ effects }: StoredTransaction): Address {
  const { status, changedObjects } = bcs.TransactionEffects.parse(effects).V2!;
  const created = changedObjects.find(([, { idOperation }]) => idOperation.$kind === 'Created');
  if (created === undefined)
    throw new DevnetError('RESOURCE_EXHAUSTED', `Cannot serve faucet request: ${JSON.stringify(status)}`);
  return created[0];
}
