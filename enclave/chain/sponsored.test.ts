import { bcs } from '@mysten/sui/bcs';
import { expect, test } from 'vitest';
import { checkSponsored, MAX_GAS_BUDGET } from './sponsored.ts';

const OPERATOR = `0x${'0a'.repeat(32)}`;
const HOST = `0x${'0b'.repeat(32)}`;
const PACKAGE = `0x${'0c'.repeat(32)}`;

function kindOf(name: string) {
  const call = {
    package: PACKAGE,
    module: 'enclave_registry',
    function: name,
    typeArguments: [],
    arguments: [],
  };
  return { ProgrammableTransaction: { inputs: [], commands: [{ MoveCall: call }] } };
}

const KIND = bcs.TransactionKind.serialize(kindOf('heartbeat')).toBytes();

function returned({
  kind = kindOf('heartbeat'),
  sender = OPERATOR,
  owner = HOST,
  budget = 50_000_000n,
} = {}) {
  const gasData = { payment: [], owner, price: 1_000n, budget };
  return bcs.TransactionData.serialize({
    V1: { kind, sender, gasData, expiration: { None: true } },
  }).toBytes();
}

test('our own transaction with the gas of the host passes', () => {
  expect(() => checkSponsored(returned(), KIND, OPERATOR)).not.toThrow();
});

test.each([
  ['other commands', returned({ kind: kindOf('slash') })],
  ['another sender', returned({ sender: HOST })],
  ['our own gas', returned({ owner: OPERATOR })],
  ['a budget over the cap', returned({ budget: MAX_GAS_BUDGET + 1n })],
  ['bytes after the end', Uint8Array.of(...returned(), 0)],
  ['no transaction', Uint8Array.of(1, 2, 3)],
])('%s are refused', (_, bytes) => {
  expect(() => checkSponsored(bytes, KIND, OPERATOR)).toThrow(expect.objectContaining({ code: 'sponsor' }));
});
