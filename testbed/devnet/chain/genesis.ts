import { digestOf, ZERO_DIGEST } from '@daasvader/checkpoint/digest.ts';
import { deserialize } from '@mysten/move-bytecode-template';
import { bcs } from '@mysten/sui/bcs';
import { blake2b } from '@noble/hashes/blake2.js';
import { typeOrigins } from '../execution/type-origins.ts';
import { PROTOCOL_VERSION } from '../protocol.ts';
import { CoinMetadata } from '../transaction/coin-metadata.ts';
import { encodeEffects, type ObjectTransition } from '../transaction/effects.ts';
import { type GasCost, NO_GAS } from '../transaction/gas.ts';
import {
  type ChainObject,
  CLOCK_ID,
  coinContents,
  encodeObject,
  type MoveData,
} from '../transaction/object.ts';
import { ADDRESS_1, ADDRESS_2, SUI_COIN_TYPE, SUI_TYPE } from '../transaction/type-name.ts';
import type { Address } from '../vm/types.ts';
import type { TransactionRecord } from './store.ts';

const SYSTEM: Address = `0x${'0'.repeat(64)}`;
const GENESIS_VERSION = 1n;

/** MIST given to an address at genesis. */
export interface Allocation {
  address: Address;
  amount: bigint;
}

/** The first transaction with the objects it made. */
export interface Genesis {
  record: TransactionRecord;
  objects: ChainObject[];
}

/** Makes the genesis transaction: framework packages, the clock and the first coins. */
export function makeGenesis(
  framework: Uint8Array[],
  allocations: Allocation[],
  timestampMs: number,
): Genesis {
  const drafts = [
    ...packages(framework),
    clockObject(timestampMs),
    suiMetadata(timestampMs),
    ...allocations.map((allocation, index) => coinObject(allocation, index, timestampMs)),
  ];
  const data = systemTransaction({ Genesis: { objects: drafts.map(toGenesisObject) } });
  const digest = digestOf('TransactionData', data);
  const objects = drafts.map((object) => ({ ...object, previousTransaction: digest }));
  const transitions = new Map(
    objects.map((after) => [
      after.id,
      { before: undefined, after, idOperation: 'Created' } as ObjectTransition,
    ]),
  );
  const parts = { data, epoch: 0n, transitions, dependencies: [], version: GENESIS_VERSION, timestampMs };
  return { record: systemRecord(parts), objects };
}

/** The transaction by which consensus sets the clock. */
export function makePrologue(clock: ChainObject, epoch: bigint, round: number, timestampMs: number): Genesis {
  const data = systemTransaction({
    ConsensusCommitPrologue: { epoch, round, commitTimestampMs: timestampMs },
  });
  const version = clock.version + 1n;
  const after: ChainObject = {
    ...clock,
    version,
    data: { ...(clock.data as MoveData), contents: clockContents(timestampMs) },
    previousTransaction: digestOf('TransactionData', data),
  };
  const transitions = new Map([
    [clock.id, { before: clock, after, idOperation: 'None' } as ObjectTransition],
  ]);
  const dependencies = [clock.previousTransaction];
  const record = systemRecord({ data, epoch, transitions, dependencies, version, timestampMs });
  return { record, objects: [after] };
}

/** The last transaction of an epoch; `gas` is the epoch's. It changes no object: this chain has no 0x3 and 0x5. */
export function makeEpochChange(epoch: bigint, gas: GasCost, timestampMs: number): TransactionRecord {
  const data = systemTransaction({
    EndOfEpochTransaction: [
      {
        ChangeEpoch: {
          epoch: epoch + 1n,
          protocolVersion: PROTOCOL_VERSION,
          storageCharge: gas.storageCost,
          computationCharge: gas.computationCost,
          storageRebate: gas.storageRebate,
          nonRefundableStorageFee: gas.nonRefundableStorageFee,
          epochStartTimestampMs: timestampMs,
          systemPackages: [],
        },
      },
    ],
  });
  const transitions = new Map<Address, ObjectTransition>();
  return systemRecord({
    data,
    epoch,
    transitions,
    dependencies: [],
    version: GENESIS_VERSION,
    timestampMs,
  });
}

/** Sui signs system transactions with an all-zero Ed25519 signature. */
const SYSTEM_SIGNATURE = new Uint8Array(1 + 64 + 32);

function systemTransaction(kind: typeof bcs.TransactionKind.$inferInput): Uint8Array {
  return bcs.TransactionData.serialize({
    V1: {
      kind,
      sender: SYSTEM,
      gasData: {
        payment: [{ objectId: SYSTEM, version: 0, digest: ZERO_DIGEST }],
        owner: SYSTEM,
        price: 1,
        budget: 0,
      },
      expiration: { None: true },
    },
  }).toBytes();
}

interface SystemTransaction {
  data: Uint8Array;
  epoch: bigint;
  transitions: Map<Address, ObjectTransition>;
  dependencies: string[];
  version: bigint;
  timestampMs: number;
}

function systemRecord({
  data,
  epoch,
  transitions,
  dependencies,
  version,
  timestampMs,
}: SystemTransaction): TransactionRecord {
  const digest = digestOf('TransactionData', data);
  const effects = encodeEffects({
    failure: undefined,
    epoch,
    gas: NO_GAS,
    transactionDigest: digest,
    gasObject: undefined,
    eventsDigest: undefined,
    lamportVersion: version,
    transitions,
    readShared: [],
    dependencies,
  });
  return {
    digest,
    data,
    signatures: [SYSTEM_SIGNATURE],
    effects,
    effectsDigest: digestOf('TransactionEffects', effects),
    events: undefined,
    objectTypes: objectTypes(transitions),
    balanceChanges: [],
    timestampMs,
  };
}

/** @returns the type of each object a transaction touched; `package` for packages, as Sui names them */
export function objectTypes(transitions: Map<Address, ObjectTransition>): Record<Address, string> {
  const types: Record<Address, string> = {};
  for (const [id, { before, after }] of transitions) {
    const data = (after ?? before)?.data;
    if (data !== undefined) types[id] = data.kind === 'move' ? data.type : 'package';
  }
  return types;
}

function packages(framework: Uint8Array[]): ChainObject[] {
  const byAddress = new Map<Address, Map<string, Uint8Array>>([
    [ADDRESS_1, new Map()],
    [ADDRESS_2, new Map()],
  ]);
  for (const code of framework) {
    const { address, name } = moduleId(code);
    byAddress.get(address)!.set(name, code);
  }
  return [...byAddress].map(([id, modules]) => {
    const sorted = new Map([...modules].sort(([a], [b]) => (a < b ? -1 : 1)));
    const linkage = new Map(
      id === ADDRESS_2 ? [[ADDRESS_1, { upgradedId: ADDRESS_1, upgradedVersion: '1' }]] : [],
    );
    return draft(
      id,
      { kind: 'package', modules: sorted, typeOrigins: typeOrigins(id, sorted), linkage },
      { kind: 'immutable' },
    );
  });
}

/** @returns a compiled module's own address and name */
function moduleId(code: Uint8Array): { address: Address; name: string } {
  const module = deserialize(code) as {
    self_module_handle_idx: number;
    module_handles: { address: number; name: number }[];
    address_identifiers: string[];
    identifiers: string[];
  };
  const handle = module.module_handles[module.self_module_handle_idx]!;
  const address = `0x${module.address_identifiers[handle.address]!.replace(/^0x/, '').padStart(64, '0')}`;
  return { address, name: module.identifiers[handle.name]! };
}

function draft(id: Address, data: ChainObject['data'], owner: ChainObject['owner']): ChainObject {
  return { id, version: GENESIS_VERSION, owner, data, previousTransaction: ZERO_DIGEST, storageRebate: 0n };
}

function clockObject(timestampMs: number): ChainObject {
  const data = {
    kind: 'move',
    type: `${ADDRESS_2}::clock::Clock`,
    hasPublicTransfer: false,
    contents: clockContents(timestampMs),
  } as const;
  return draft(CLOCK_ID, data, { kind: 'shared', initialVersion: GENESIS_VERSION });
}

/** `0x2::clock::Clock { id, timestamp_ms }` */
function clockContents(timestampMs: number): Uint8Array {
  return coinContents(CLOCK_ID, BigInt(timestampMs));
}

/** `0x2::coin::CoinMetadata<SUI>`, frozen, with the words that Sui's genesis has. */
function suiMetadata(timestampMs: number): ChainObject {
  const id = genesisId(`metadata of SUI at ${timestampMs}`);
  const sui = { id, decimals: 9, name: 'Sui', symbol: 'SUI', description: '', iconUrl: null };
  const data = {
    kind: 'move',
    type: `${ADDRESS_2}::coin::CoinMetadata<${SUI_TYPE}>`,
    hasPublicTransfer: true,
    contents: CoinMetadata.serialize(sui).toBytes(),
  } as const;
  return draft(id, data, { kind: 'immutable' });
}

function genesisId(seed: string): Address {
  return `0x${Buffer.from(blake2b(Buffer.from(seed), { dkLen: 32 })).toString('hex')}`;
}

function coinObject({ address, amount }: Allocation, index: number, timestampMs: number): ChainObject {
  const id = genesisId(`genesis coin ${index} for ${address} at ${timestampMs}`);
  const data = {
    kind: 'move',
    type: SUI_COIN_TYPE,
    hasPublicTransfer: true,
    contents: coinContents(id, amount),
  } as const;
  return draft(id, data, { kind: 'address', address });
}

/** Genesis objects are written without previous transaction and rebate. */
function toGenesisObject(object: ChainObject) {
  const { data, owner } = bcs.Object.parse(encodeObject(object).bytes);
  return { RawObject: { data, owner } } as never;
}
