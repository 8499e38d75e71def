import { expect, test } from 'vitest';
import { parseTypeName } from './type-name.ts';
import { VmError } from './types.ts';

test('parseTypeName() reads nested arguments and pads addresses', () => {
  expect(parseTypeName('vector<0x2::coin::Coin<0xAB::m::T, u8>>')).toEqual({
    kind: 'vector',
    element: {
      kind: 'datatype',
      module: { address: `0x${'2'.padStart(64, '0')}`, name: 'coin' },
      name: 'Coin',
      arguments: [
        {
          kind: 'datatype',
          module: { address: `0x${'ab'.padStart(64, '0')}`, name: 'm' },
          name: 'T',
          arguments: [],
        },
        { kind: 'primitive', name: 'u8' },
      ],
    },
  });
});

test.each([
  '',
  'u9',
  'vector',
  'vector<>',
  'vector<u8, u8>',
  'vector<u8',
  'u8>',
  'u8 u8',
  '&u8',
  '2::coin::Coin',
  '0x2::coin',
  '0x2::coin::',
  '0x::coin::Coin',
  '0x2::coin::Coin<>',
  '0x2::coin::Coin<u8,>',
  `0x${'0'.repeat(65)}::coin::Coin`,
  'constructor',
  '__proto__',
  `${'vector<'.repeat(100)}u8${'>'.repeat(100)}`,
])('parseTypeName() refuses %j', (text) => {
  const read = () => parseTypeName(text);
  expect(read).toThrow(VmError);
  expect(read).toThrow(expect.objectContaining({ code: 'TypeNotFound' }));
});
