import { expect, test } from 'vitest';
import { parseManifest } from './manifest.ts';

const SPEC = '{"containers":[{"name":"web","image":"docker.io/library/web:1"}]}';
const HOSTILE = SPEC.replace('{', '{"hostNetwork":true,');
const pod = (rest: string) => `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web"},${rest}}`;
const parse = (text: string) => parseManifest('Pod', Buffer.from(text));

test('of a key that stands twice the same one is checked and applied', () => {
  const manifest = parse(pod(`"spec":${HOSTILE},"spec":${SPEC}`));
  expect(JSON.stringify(manifest)).not.toContain('hostNetwork');
  expect(() => parse(pod(`"spec":${SPEC},"spec":${HOSTILE}`))).toThrow('hostNetwork');
});

test.each([
  ['escaped', HOSTILE.replace('hostNetwork', '\\u0068ostNetwork')],
  ['under the prototype', SPEC.replace('{', '{"__proto__":{"hostNetwork":true},')],
  ['in another case, which Kubernetes once took for the same', SPEC.replace('{', '{"hostnetwork":true,')],
])('a forbidden field %s is not applied', (_, spec) => {
  expect(() => parse(pod(`"spec":${spec}`))).toThrow(/Cannot accept manifest|hostNetwork|hostnetwork/i);
});

test.each([
  ['bytes that are no UTF-8', Buffer.concat([Buffer.from(pod(`"spec":${SPEC}`)), Buffer.from([0xff])])],
  ['a second object after the first', Buffer.from(pod(`"spec":${SPEC}`).repeat(2))],
  ['YAML', Buffer.from('apiVersion: v1\nkind: Pod\n')],
  ['a comment', Buffer.from(`${pod(`"spec":${SPEC}`)} # x`)],
])('%s are refused', (_, bytes) => {
  expect(() => parseManifest('Pod', bytes)).toThrow('it is not JSON');
});
