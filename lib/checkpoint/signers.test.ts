import { expect, test } from 'vitest';
import { decodeSigners, encodeSigners } from './signers.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const refused = expect.objectContaining({ code: 'signers' });

test.each([[[]], [[0]], [[0, 1, 2]], [[5, 77, 65_535]]])('%j is read as it was written', (indexes) => {
  expect(decodeSigners(encodeSigners(indexes))).toEqual(indexes);
});

test('the portable Roaring format is read: cookie, containers, key and count, offset, values', () => {
  expect(decodeSigners(hex('3a300000 01000000 0000 0100 10000000 0200 0500'))).toEqual([2, 5]);
});

test.each([
  ['nothing', ''],
  ['half a header', '3a300000'],
  ['a run container', '3b300000 00 0000 0000 0100 0000 0000'],
  ['two containers', '3a300000 02000000 0000 0000 0100 0000 18000000 1a000000 0000 0000'],
  ['another key', '3a300000 01000000 0100 0000 10000000 0000'],
  ['another offset', '3a300000 01000000 0000 0000 12000000 0000'],
  ['fewer values than said', '3a300000 01000000 0000 0100 10000000 0000'],
  ['more values than said', '3a300000 01000000 0000 0000 10000000 0000 0100'],
  ['a value twice', '3a300000 01000000 0000 0100 10000000 0200 0200'],
  ['values that descend', '3a300000 01000000 0000 0100 10000000 0200 0100'],
  ['no container with something behind it', '3a300000 00000000 00'],
])('%s is refused', (_, bytes) => {
  expect(() => decodeSigners(hex(bytes))).toThrow(refused);
});
