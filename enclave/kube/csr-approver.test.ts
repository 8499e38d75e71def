import { X509Certificate } from 'node:crypto';
import type { V1CertificateSigningRequest } from '@kubernetes/client-node';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { Audit } from '../audit/audit.ts';
import { generateKeys } from '../boot/keys.ts';
import { EnclaveError } from '../error.ts';
import { Metrics } from '../metrics.ts';
import { CsrDecisions } from './csr-approver.ts';
import type { Kubernetes } from './kubernetes.ts';
import { CertificateSigner } from './signer.ts';
import { newKeys, requestPem } from './testing/certificate-request.ts';

const signer = new CertificateSigner((await generateKeys([])).tls);

// Bytes that are no request are denied, which is a decision like any other.
const csr = (uid = 'u1'): V1CertificateSigningRequest => ({
  metadata: { name: 'csr-1', uid },
  spec: { request: 'AAAA', signerName: 'kubernetes.io/kubelet-serving' },
});

function subject() {
  const told = { reads: 0, answers: [] as unknown[] };
  const world = { isFresh: true, failures: 0, stored: csr(), isAdmitted: false, lostCertificates: 0 };
  const kubernetes = {
    async get() {
      told.reads += 1;
      if (world.failures-- > 0) throw new Error('down');
      return world.stored;
    },
    async replace(path: string, body: V1CertificateSigningRequest) {
      const what = /\/certificatesigningrequests\/csr-1\/(approval|status)$/.exec(path)?.[1];
      if (what === 'approval') told.answers.push(body.status?.conditions?.[0]?.type);
      else if (what !== 'status') throw new Error(`there is no ${path}`);
      else if (world.lostCertificates-- > 0) throw new Error('down');
      world.stored = body;
      return body;
    },
  };
  const stop = new AbortController();
  const decisions = new CsrDecisions(
    {
      kubernetes: kubernetes as unknown as Kubernetes,
      admission: { nodeOfToken: () => undefined, claimToken: () => true, isAdmitted: () => world.isAdmitted },
      signers: { client: signer, server: signer },
      assertFresh() {
        if (!world.isFresh) throw new EnclaveError('stale', 'Cannot admit anyone');
      },
      audit: new Audit(() => undefined),
      metrics: new Metrics(),
      log: pino({ enabled: false }),
    },
    stop.signal,
  );
  return { decisions, told, world, stop };
}

test('on old news a request stays pending, and is decided when the news is fresh again', async () => {
  const { decisions, told, world } = subject();
  world.isFresh = false;
  const decided = decisions.decide(csr());
  await new Promise((resolve) => setImmediate(resolve));
  expect(told).toEqual({ reads: 0, answers: [] });
  world.isFresh = true;
  await decided;
  expect(told.answers).toEqual(['Denied']);
});

test('a decision that could not be written is tried again, and one request is decided once', async () => {
  const { decisions, told, world } = subject();
  world.failures = 1;
  await Promise.all([decisions.decide(csr()), decisions.decide(csr())]);
  expect(told).toEqual({ reads: 2, answers: ['Denied'] });
});

test('the answer to a request is never given to another that took its name', async () => {
  const { decisions, told, world } = subject();
  world.stored = csr('u2');
  await decisions.decide(csr('u1'));
  expect(told.answers).toEqual([]);
});

test('a request that was deleted, or is none of ours any longer, is given up', async () => {
  const { decisions, told, world, stop } = subject();
  world.isFresh = false;
  const first = decisions.decide(csr());
  decisions.forget(csr());
  await first;
  const second = decisions.decide(csr());
  stop.abort();
  await second;
  expect(told.answers).toEqual([]);
});

const renewal = (keys = newKeys()): V1CertificateSigningRequest => ({
  metadata: { name: 'csr-1', uid: 'u1' },
  spec: {
    request: Buffer.from(requestPem({ keys })).toString('base64'),
    signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
    usages: ['digital signature', 'client auth'],
    username: 'system:node:worker-1',
    groups: ['system:nodes'],
  },
});

test('who is approved gets a certificate for the key that was proven', async () => {
  const { decisions, told, world } = subject();
  const keys = newKeys();
  Object.assign(world, { isAdmitted: true, stored: renewal(keys) });
  await decisions.decide(world.stored);
  expect(told.answers).toEqual(['Approved']);
  const certificate = new X509Certificate(Buffer.from(world.stored.status?.certificate ?? '', 'base64'));
  expect(certificate.subject).toBe('O=system:nodes\nCN=system:node:worker-1');
  expect(certificate.checkPrivateKey(keys.privateKey)).toBe(true);
});

test('a certificate that could not be written is signed again, also when the process ended between', async () => {
  const { decisions, told, world } = subject();
  Object.assign(world, { isAdmitted: true, stored: renewal(), lostCertificates: 1 });
  await decisions.decide(world.stored);
  expect(told.answers).toEqual(['Approved']);
  const { certificate, ...status } = world.stored.status ?? {};
  world.stored = { ...world.stored, status };
  await decisions.decide(world.stored);
  expect(told.answers).toEqual(['Approved']);
  expect([certificate, world.stored.status?.certificate]).toEqual([expect.any(String), expect.any(String)]);
});

test('a node that was removed after it was approved gets no certificate', async () => {
  const { decisions, told, world } = subject();
  const conditions = [{ type: 'Approved', status: 'True' }];
  world.stored = { ...renewal(), status: { conditions } };
  await decisions.decide(world.stored);
  expect(told.answers).toEqual([]);
  expect(world.stored.status?.certificate).toBeUndefined();
});
