import type { V1CertificateSigningRequest } from '@kubernetes/client-node';
import 'reflect-metadata';
import {
  type JsonGeneralName,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
} from '@peculiar/x509';
import { expect, test } from 'vitest';
import { decideCsr, type NodeAdmission } from './csr.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
const otherKeys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
const CLIENT = 'kubernetes.io/kube-apiserver-client-kubelet';
const SERVING = 'kubernetes.io/kubelet-serving';

const OWN: JsonGeneralName = { type: 'dns', value: 'worker-1' };

interface Asked {
  subject?: string;
  names?: JsonGeneralName[];
  moreNames?: JsonGeneralName[];
  keyPair?: CryptoKeyPair;
  spec?: Partial<V1CertificateSigningRequest['spec']>;
}

async function csr({
  subject = 'O=system:nodes, CN=system:node:worker-1',
  names,
  moreNames,
  keyPair = keys,
  spec,
}: Asked) {
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: subject,
    keys: keyPair,
    signingAlgorithm: ALGORITHM,
    extensions: [names, moreNames].flatMap((each) =>
      each ? [new SubjectAlternativeNameExtension(each)] : [],
    ),
  });
  return {
    spec: {
      request: Buffer.from(request.toString('pem')).toString('base64'),
      signerName: CLIENT,
      usages: ['digital signature', 'client auth'],
      username: 'system:bootstrap:abcdef',
      groups: ['system:bootstrappers', 'system:bootstrappers:daasvader', 'system:authenticated'],
      ...spec,
    },
  };
}

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

test.each<[string, Asked]>([
  ['bootstrap', {}],
  [
    'bootstrap with key encipherment',
    { spec: { usages: ['digital signature', 'key encipherment', 'client auth'] } },
  ],
  ['renewal', { spec: node }],
  [
    'serving',
    {
      spec: serving,
      names: [
        { type: 'dns', value: 'worker-1' },
        { type: 'ip', value: '10.99.0.2' },
      ],
    },
  ],
])('approves %s', async (_, asked) => {
  expect(await decideCsr(await csr(asked), admission())).toMatchObject({ verdict: 'approve' });
});

test.each<[string, Asked]>([
  ["another node's name", { subject: 'O=system:nodes, CN=system:node:worker-2' }],
  ['a further group', { subject: 'O=system:nodes, O=system:masters, CN=system:node:worker-1' }],
  ['a name that is no node', { subject: 'O=system:nodes, CN=admin' }],
  ['an unknown token', { spec: { username: 'system:bootstrap:zzzzzz' } }],
  ['a token of another group', { spec: { groups: ['system:bootstrappers'] } }],
  ['an ordinary user', { spec: { username: `sui:0x${'a1'.repeat(32)}`, groups: ['system:authenticated'] } }],
  ['more usages', { spec: { usages: ['digital signature', 'client auth', 'server auth'] } }],
  ['fewer usages', { spec: { usages: ['client auth'] } }],
  ['more than a day', { spec: { expirationSeconds: 86_401 } }],
  ['alternative names for a client', { names: [{ type: 'dns', value: 'worker-1' }] }],
  ['renewal by another node', { spec: { ...node, username: 'system:node:worker-2' } }],
  ['a node without its group', { spec: { ...node, groups: ['system:authenticated'] } }],
  ['serving with a bootstrap token', { spec: { signerName: SERVING, usages: serving.usages } }],
  ['serving under a foreign name', { spec: serving, names: [{ type: 'dns', value: 'kubernetes.default' }] }],
  ['serving under an address alone', { spec: serving, names: [{ type: 'ip', value: '10.99.0.2' }] }],
  ['serving under no name', { spec: serving }],
  [
    "serving under another node's name too",
    { spec: serving, names: [OWN, { type: 'dns', value: 'worker-2' }] },
  ],
  [
    'serving under a foreign name in a second extension',
    { spec: serving, names: [OWN], moreNames: [{ type: 'dns', value: 'worker-2' }] },
  ],
  ['serving under a foreign URI', { spec: serving, names: [OWN, { type: 'url', value: 'spiffe://x' }] }],
])('denies %s', async (_, asked) => {
  expect(await decideCsr(await csr(asked), admission())).toMatchObject({ verdict: 'deny' });
});

test('approves one public key per token, however often it asks', async () => {
  const nodes = admission();
  expect(await decideCsr(await csr({}), nodes)).toMatchObject({ verdict: 'approve' });
  expect(await decideCsr(await csr({}), nodes)).toMatchObject({ verdict: 'approve' });
  expect(await decideCsr(await csr({ keyPair: otherKeys }), nodes)).toMatchObject({ verdict: 'deny' });
});

test('denies a node that was removed, bytes that are no request, and leaves other signers alone', async () => {
  const removed = { ...admission(), isAdmitted: () => false };
  expect(await decideCsr(await csr({ spec: node }), removed)).toMatchObject({ verdict: 'deny' });
  expect(await decideCsr(await csr({ spec: { request: 'AAAA' } }), admission())).toMatchObject({
    verdict: 'deny',
  });
  const user = await csr({ spec: { signerName: 'kubernetes.io/kube-apiserver-client' } });
  expect(await decideCsr(user, admission())).toMatchObject({ verdict: 'ignore' });
});
