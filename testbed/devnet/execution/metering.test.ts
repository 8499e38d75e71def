/** What surrounds the commands of a transaction, added up by hand. */
import { bcs } from '@mysten/sui/bcs';
import { expect, test } from 'vitest';
import type { LoadedInputs, TransactionData } from '../transaction/inputs.ts';
import { type ChainObject, coinContents } from '../transaction/object.ts';
import { SUI_COIN_TYPE } from '../transaction/type-name.ts';
import { GasMeter } from '../vm/gas/meter.ts';
import type { MoveVm } from '../vm/types.ts';
import { chargeCall, chargeCommand, chargeInputs, chargePublishing } from './metering.ts';
import { PURE, type Slot } from './values.ts';

const LIMIT = 1_000_000;
const ID = `0x${'1d'.repeat(32)}`;
/** `Coin { id: UID { id: ID { bytes } }, balance: Balance { value } }` */
const COIN_SIZE = 2 + (2 + (2 + 32)) + (2 + 8);
const vm = { abstractSize: () => COIN_SIZE } as unknown as MoveVm;

const split = { $kind: 'SplitCoins', SplitCoins: { coin: { GasCoin: true }, amounts: [{ Input: 0 }] } };
const transfer = {
  $kind: 'TransferObjects',
  TransferObjects: { objects: [{ NestedResult: [0, 0] }], address: { Input: 1 } },
};
type Command = Parameters<typeof chargeCommand>[1];

/** @returns internal units */
function used(work: (meter: GasMeter) => void): number {
  const meter = new GasMeter(LIMIT);
  work(meter);
  return LIMIT * 1_000 - meter.left;
}

function object(data: ChainObject['data']): ChainObject {
  const owner = { kind: 'immutable' } as const;
  return { id: ID, version: 1n, owner, data, previousTransaction: '', storageRebate: 0n };
}

const pure = (bytes: Uint8Array): Slot => ({ type: undefined, abilities: PURE, bcs: bytes });

function loadedWith(packages: ChainObject[]): LoadedInputs {
  const contents = coinContents(ID, 1n);
  const coin = object({ kind: 'move', type: SUI_COIN_TYPE, hasPublicTransfer: true, contents });
  return {
    slots: [pure(bcs.u64().serialize(1).toBytes()), pure(new Uint8Array(32))],
    gasCoins: [coin],
    mutable: new Map(),
    readShared: new Map(),
    all: new Map([[ID, coin]]),
    receiving: new Set(),
    packages,
  };
}

const data = {
  kind: {
    $kind: 'ProgrammableTransaction',
    ProgrammableTransaction: { inputs: [{}, {}], commands: [split, transfer] },
  },
} as unknown as TransactionData;

/** The coin's 130 bytes, two inputs, their bytes, two arguments of each command, the coin put where inputs are kept. */
const PAYMENT = 15 * 130 + 2 + 8 + 32 + 2 + 2 + (1 + 1 + COIN_SIZE) + 1;

test('inputs cost their bytes, and what they weigh', () => {
  expect(used((meter) => chargeInputs(meter, vm, data, loadedWith([])))).toBe(PAYMENT);
});

test('packages cost 154 for 1,000 bytes, those of the chain nothing', () => {
  const code = new Map([['m', new Uint8Array(900)]]);
  const bytes = object({ kind: 'package', modules: code, typeOrigins: [], linkage: new Map() });
  const system = { ...bytes, id: `0x${'2'.padStart(64, '0')}` };
  const size = 80 + 8 + 1 + 900;
  const cost = used((meter) => chargeInputs(meter, vm, data, loadedWith([bytes, system])));
  expect(cost - PAYMENT).toBe(Math.ceil((size * 154) / 1_000));
});

test('a command costs each argument as a reference, and coins are looked at once', () => {
  const argument = 1 + 1 + 8;
  const look = 1 + 1 + 8 + 1;
  expect(used((meter) => chargeCommand(meter, split as Command))).toBe(2 * argument + look + 1);
  expect(used((meter) => chargeCommand(meter, transfer as Command))).toBe(2 * argument + 1);
});

test('a call costs its types twice, its packages, and its references the more, the more there were', () => {
  const signature = { weight: { types: 5, references: 2, packages: 3 } } as Parameters<typeof chargeCall>[1];
  const own = 2 * 5 + 3 * 10;
  expect(used((meter) => chargeCall(meter, signature, 0))).toBe(own + 1 + 2);
  expect(used((meter) => chargeCall(meter, signature, 10))).toBe(own + 11 + 12);
});

test('bytecode costs 80 a byte', () => {
  expect(used((meter) => chargePublishing(meter, [new Uint8Array(100), new Uint8Array(1)]))).toBe(8_080);
});
