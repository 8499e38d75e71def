/**
 * A chain on disk in a process to be killed: it sends, publishes and ends epochs as fast as it can and writes each digest
 * to stdout when the chain has acknowledged it. Arguments: the directory, and a file with the bytecode of a module.
 */
import { readFileSync, writeSync } from 'node:fs';
import { bcs } from '@mysten/sui/bcs';
import { Chain } from '../chain/chain.ts';
import { deriveKeypair, Faucet } from '../http/faucet.ts';
import { GAS } from '../protocol.ts';
import { encodeObject } from '../transaction/object.ts';
import { SUI_COIN_TYPE } from '../transaction/type-name.ts';

const chain = await Chain.open({
  stateDir: process.argv[2]!,
  secret: new Uint8Array(32),
  framework: () => {
    throw new TypeError('Cannot start: the test makes the genesis');
  },
  allocations: [],
  now: Date.now,
});
const keypair = deriveKeypair(chain.secret, 'faucet');
const faucet = new Faucet(chain, keypair);
const module = readFileSync(process.argv[3]!);
for (let amount = 1n; ; amount += 1n) {
  // By chance and not by number: on a busy machine a life sees one transaction, and lives together must see all of it.
  if (Math.random() < 1 / 4) chain.endEpoch();
  const { digest } = await faucet.request(`0x${'7'.repeat(64)}`, amount);
  writeSync(1, `${digest}\n`);
  if (Math.random() < 1 / 4) writeSync(1, `${await publish()}\n`);
}

async function publish(): Promise<string> {
  const commands: (typeof bcs.Command.$inferInput)[] = [
    { Publish: { modules: [module], dependencies: ['0x1', '0x2'] } },
    { TransferObjects: { objects: [{ NestedResult: [0, 0] }], address: { Input: 0 } } },
  ];
  const inputs = [{ Pure: { bytes: bcs.Address.serialize(faucet.address).toBytes() } }];
  const [coin] = chain.store.ownedBy(faucet.address, 'address', { type: SUI_COIN_TYPE, limit: 1 }).items;
  const payment = [{ objectId: coin!.id, version: coin!.version, digest: encodeObject(coin!).digest }];
  const bytes = bcs.TransactionData.serialize({
    V1: {
      kind: { ProgrammableTransaction: { inputs, commands } },
      sender: faucet.address,
      gasData: { payment, owner: faucet.address, price: GAS.referencePrice, budget: 100_000_000n },
      expiration: { None: true },
    },
  }).toBytes();
  const { signature } = await keypair.signTransaction(bytes);
  const { digest, effects } = await chain.submit(bytes, [Buffer.from(signature, 'base64')]);
  if (!bcs.TransactionEffects.parse(effects).V2!.status.Success) throw new Error('Cannot publish');
  return digest;
}
