import { extension } from '@daasvader/attestation/testing/der.ts';
import type { V1CertificateSigningRequest } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { decideCsr, type NodeAdmission } from './csr.ts';
import {
  alternativeNames,
  asking,
  attribute,
  COMMON_NAME,
  name,
  newKeys,
  nodeName,
  ORGANIZATION,
  type RequestParts,
  requestPem,
} from './testing/certificate-request.ts';

const CLIENT = 'kubernetes.io/kube-apiserver-client-kubelet';
const SERVING = 'kubernetes.io/kubelet-serving';
const ADDRESS = [10, 99, 0, 2];

interface Asked {
  parts?: RequestParts;
  pem?: string;
  spec?: Partial<V1CertificateSigningRequest['spec']>;
}

const csr = ({ parts, pem = requestPem(parts), spec }: Asked): V1CertificateSigningRequest => ({
  spec: {
    request: Buffer.from(pem).toString('base64'),
    signerName: CLIENT,
    usages: ['digital signature', 'client auth'],
    username: 'system:bootstrap:abcdef',
    groups: ['system:bootstrappers', 'system:bootstrappers:daasvader', 'system:authenticated'],
    ...spec,
  },
});

function admission(): NodeAdmission {
  const claimed = new Map<string, string>();
  return {
    nodeOfToken: (id) => (id === 'abcdef' ? 'worker-1' : undefined),
    claimToken(id, key) {
      if (!claimed.has(id)) claimed.set(id, key);
      return claimed.get(id) === key;
    },
    isAdmitted: (node) => node === 'worker-1',
  };
}

const node = { username: 'system:node:worker-1', groups: ['system:nodes', 'system:authenticated'] };
const serving = { ...node, signerName: SERVING, usages: ['digital signature', 'server auth'] };
const names = (...args: Parameters<typeof alternativeNames>) => ({
  attributes: asking([alternativeNames(...args)]),
});

test.each<[string, Asked, object]>([
  ['bootstrap', {}, { purpose: 'client', lifetimeSeconds: 86_400 }],
  [
    'bootstrap with key encipherment',
    { spec: { usages: ['digital signature', 'key encipherment', 'client auth'] } },
    {},
  ],
  ['renewal for ten minutes', { spec: { ...node, expirationSeconds: 600 } }, { lifetimeSeconds: 600 }],
  [
    'serving',
    { spec: serving, parts: names(['worker-1'], [ADDRESS]) },
    { purpose: 'server', dnsNames: ['worker-1'], addresses: ['10.99.0.2'] },
  ],
])('approves %s, and says what to sign', async (_, asked, leaf) => {
  expect(decideCsr(csr(asked), admission())).toMatchObject({
    verdict: 'approve',
    leaf: { organization: 'system:nodes', commonName: 'system:node:worker-1', ...leaf },
  });
});

const O = attribute(ORGANIZATION, 'system:nodes');
const CN = attribute(COMMON_NAME, 'system:node:worker-1');

test.each<[string, Asked]>([
  ["another node's name", { parts: { subject: nodeName('worker-2') } }],
  ['a further group', { parts: { subject: name([O], [attribute(ORGANIZATION, 'system:masters')], [CN]) } }],
  [
    'a further group in one part',
    { parts: { subject: name([O, attribute(ORGANIZATION, 'system:masters')], [CN]) } },
  ],
  [
    'a group that looks like two parts',
    { parts: { subject: name([attribute(ORGANIZATION, 'system:nodes,CN=system:node:worker-1')]) } },
  ],
  ['two names', { parts: { subject: name([O], [CN], [attribute(COMMON_NAME, 'system:node:worker-2')]) } }],
  ['a name in another order', { parts: { subject: name([CN], [O]) } }],
  ['a name that is no node', { parts: { subject: name([O], [attribute(COMMON_NAME, 'admin')]) } }],
  ['an unknown token', { spec: { username: 'system:bootstrap:zzzzzz' } }],
  ['a token of another group', { spec: { groups: ['system:bootstrappers'] } }],
  ['an ordinary user', { spec: { username: `sui:${'a'.repeat(52)}`, groups: ['system:authenticated'] } }],
  ['more usages', { spec: { usages: ['digital signature', 'client auth', 'server auth'] } }],
  ['fewer usages', { spec: { usages: ['client auth'] } }],
  ['more than a day', { spec: { expirationSeconds: 86_401 } }],
  ['alternative names for a client', { parts: names(['worker-1']) }],
  ['renewal by another node', { spec: { ...node, username: 'system:node:worker-2' } }],
  ['a node without its group', { spec: { ...node, groups: ['system:authenticated'] } }],
  [
    'serving with a bootstrap token',
    { spec: { signerName: SERVING, usages: serving.usages }, parts: names(['worker-1']) },
  ],
  ['serving under a foreign name', { spec: serving, parts: names(['kubernetes.default']) }],
  ['serving under an address alone', { spec: serving, parts: names([], [ADDRESS]) }],
  ['serving under no name', { spec: serving }],
  ['serving under its name twice', { spec: serving, parts: names(['worker-1', 'worker-1']) }],
  ['serving under an IPv6 address', { spec: serving, parts: names(['worker-1'], [Array(16).fill(0)]) }],
  ["serving under another node's name too", { spec: serving, parts: names(['worker-1', 'worker-2']) }],
  [
    'serving under a foreign name in a second extension',
    {
      spec: serving,
      parts: { attributes: asking([alternativeNames(['worker-1']), alternativeNames(['worker-2'])]) },
    },
  ],
  [
    'serving under a foreign name in a second attribute',
    {
      spec: serving,
      parts: { attributes: asking([alternativeNames(['worker-1'])], [alternativeNames(['worker-2'])]) },
    },
  ],
  [
    'another extension',
    { parts: { attributes: asking([extension('551d0f', true, Uint8Array.of(3, 2, 1, 6))]) } },
  ],
  ['an empty list of names', { parts: names([]) }],
  ['a key of another curve', { parts: { keys: newKeys('P-384') } }],
  [
    'a signature of another key',
    { parts: { publicKeyInfo: newKeys().publicKey.export({ type: 'spki', format: 'der' }) } },
  ],
])('denies %s', (_, asked) => {
  expect(decideCsr(csr(asked), admission())).toMatchObject({ verdict: 'deny' });
});

test('of two blocks of PEM, one hidden behind a character, neither is believed', () => {
  const own = requestPem();
  const foreign = requestPem({ subject: nodeName('worker-2') });
  for (const pem of [`x${own}${foreign}`, `x${foreign}${own}`, `${own}${foreign}`, `\n${own}`, `${own}\n`])
    expect(decideCsr(csr({ pem }), admission())).toMatchObject({ verdict: 'deny' });
});

test('approves one public key per token, however often it asks', () => {
  const nodes = admission();
  expect(decideCsr(csr({}), nodes)).toMatchObject({ verdict: 'approve' });
  expect(decideCsr(csr({}), nodes)).toMatchObject({ verdict: 'approve' });
  expect(decideCsr(csr({ parts: { keys: newKeys() } }), nodes)).toMatchObject({ verdict: 'deny' });
});

test('denies a node that was removed, bytes that are no request, and leaves other signers alone', () => {
  const removed = { ...admission(), isAdmitted: () => false };
  expect(decideCsr(csr({ spec: node }), removed)).toMatchObject({ verdict: 'deny' });
  expect(decideCsr(csr({ pem: 'nothing' }), admission())).toMatchObject({ verdict: 'deny' });
  const user = csr({ spec: { signerName: 'kubernetes.io/kube-apiserver-client' } });
  expect(decideCsr(user, admission())).toMatchObject({ verdict: 'ignore' });
});

test('a refusal is short however much was asked', () => {
  const many = Array.from({ length: 30 }, (_, i) => `${'x'.repeat(150)}-${i}`);
  const { verdict, reason } = decideCsr(csr({ parts: names(many), spec: serving }), admission());
  expect(verdict).toBe('deny');
  expect(reason.length).toBeLessThanOrEqual(300);
});
