import { expect, test } from 'vitest';
import { deletionOptions } from './options.ts';

const JSON_TYPE = 'application/json';
const body = (options: string) => ({ query: {}, contentType: JSON_TYPE, body: Buffer.from(options) });
const textOf = ({ body }: { body: Uint8Array | undefined }) => body && Buffer.from(body).toString();

test.each([
  ['nothing', { query: {}, contentType: '', body: undefined }, '{"preconditions":{"uid":"u"}}'],
  [
    'a query, which Kubernetes does not look at beside a body',
    { query: { propagationPolicy: 'Orphan', gracePeriodSeconds: '0' }, contentType: '', body: undefined },
    '{"propagationPolicy":"Orphan","gracePeriodSeconds":0,"preconditions":{"uid":"u"}}',
  ],
  ['a number that is none', { query: { gracePeriodSeconds: 'x' }, contentType: '', body: undefined }, /"x"/],
  ['options', body('{"dryRun":["All"]}'), '{"dryRun":["All"],"preconditions":{"uid":"u"}}'],
  ['its own preconditions', body('{"preconditions":{"uid":"v"}}'), '{"preconditions":{"uid":"v"}}'],
  ['what cannot be read', body('{'), '{'],
  ['what are no options', body('[]'), '[]'],
  ['protobuf', { ...body('k8s'), contentType: 'application/vnd.kubernetes.protobuf' }, 'k8s'],
])('to %s the object that is meant is added, or it stays as it is', (_, replay, expected) => {
  expect(textOf(deletionOptions(replay, 'u'))).toMatch(expected);
});

test('where there is no object nothing is added', () => {
  const nothing = { query: {}, contentType: '', body: undefined };
  expect(deletionOptions(nothing, undefined).body).toBeUndefined();
});
