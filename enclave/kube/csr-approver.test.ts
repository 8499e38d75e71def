import type { V1CertificateSigningRequest } from '@kubernetes/client-node';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { Audit } from '../audit/audit.ts';
import { EnclaveError } from '../error.ts';
import { Metrics } from '../metrics.ts';
import { CsrDecisions } from './csr-approver.ts';
import type { Kubernetes } from './kubernetes.ts';

// Bytes that are no request are denied, which is a decision like any other.
const csr = (uid = 'u1'): V1CertificateSigningRequest => ({
  metadata: { name: 'csr-1', uid },
  spec: { request: 'AAAA', signerName: 'kubernetes.io/kubelet-serving' },
});

function subject() {
  const told = { reads: 0, answers: [] as unknown[] };
  const world = { isFresh: true, failures: 0, stored: csr() };
  const certificates = {
    async readCertificateSigningRequest() {
      told.reads += 1;
      if (world.failures-- > 0) throw new Error('down');
      return world.stored;
    },
    async replaceCertificateSigningRequestApproval({ body }: { body: V1CertificateSigningRequest }) {
      told.answers.push(body.status?.conditions?.[0]?.type);
    },
  };
  const stop = new AbortController();
  const decisions = new CsrDecisions(
    {
      kubernetes: { certificates } as unknown as Kubernetes,
      admission: { nodeOfToken: () => undefined, claimToken: () => false, isAdmitted: () => false },
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
