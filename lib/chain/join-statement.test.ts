import { createPublicKey, verify } from 'node:crypto';
import { expect, test } from 'vitest';
import { type JoinRequest, joinDigest, joinStatement } from './join-statement.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const REQUEST: JoinRequest = {
  bootId: new Uint8Array(16).fill(1),
  nonce: new Uint8Array(32).fill(2),
  sealToken: '03'.repeat(32),
  ipAddress: '192.0.2.7',
};
const PLACE = { clusterId: `0x${'44'.repeat(32)}`, nodeId: 'worker-1', counter: 5n };

/** The contracts' own test asserts the same statement and signature (`join_statement_tests`). */
const VECTOR = {
  digest: '631c979159749a18d7e684a176ee6917997d44a6c78cc11b390ea8360f50443b',
  statement: [
    '13',
    hex(Buffer.from('daasvader::join::v1')),
    '44'.repeat(32),
    '08',
    hex(Buffer.from('worker-1')),
    '0500000000000000',
    '20',
    '631c979159749a18d7e684a176ee6917997d44a6c78cc11b390ea8360f50443b',
  ].join(''),
  identityKey: 'fd1724385aa0c75b64fb78cd602fa1d991fdebf76b13c58ed702eac835e9f618',
  signature:
    'c9b5166fadf4a5608d7e47211ef2e078806a46e483c3914d0b4da15cf881827f' +
    'ae809407356a1d59bb0a3af995f9160cabedb8d2e1b647d3aabccefc3ddac509',
};

test('the statement is the one that the contracts build', () => {
  const digest = joinDigest(REQUEST);
  expect(hex(digest)).toBe(VECTOR.digest);
  const statement = joinStatement({ ...PLACE, digest });
  expect(hex(statement)).toBe(VECTOR.statement);
  const spki = Buffer.from(`302a300506032b6570032100${VECTOR.identityKey}`, 'hex');
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  expect(verify(null, statement, key, Buffer.from(VECTOR.signature, 'hex'))).toBe(true);
});

test.each<[string, Partial<JoinRequest>]>([
  ['boot of the enclave', { bootId: new Uint8Array(16) }],
  ['nonce', { nonce: new Uint8Array(32) }],
  ['seal token', { sealToken: '04'.repeat(32) }],
  ['address', { ipAddress: '192.0.2.8' }],
])('a join with another %s has another digest', (_, change) => {
  expect(joinDigest({ ...REQUEST, ...change })).not.toEqual(joinDigest(REQUEST));
});
