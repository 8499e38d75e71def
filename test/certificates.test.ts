import { execFile } from 'node:child_process';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { Audit } from '@daasvader/enclave/audit/audit.ts';
import { decideCsr, type NodeAdmission } from '@daasvader/enclave/kube/csr.ts';
import { approveCsrs } from '@daasvader/enclave/kube/csr-approver.ts';
import type { Kubernetes } from '@daasvader/enclave/kube/kubernetes.ts';
import { pointOf, spkiOf } from '@daasvader/enclave/kube/p256.ts';
import { CertificateSigner } from '@daasvader/enclave/kube/signer.ts';
import {
  attribute,
  COMMON_NAME,
  name,
  newKeys,
  nodeName,
  requestPem,
} from '@daasvader/enclave/kube/testing/certificate-request.ts';
import { Metrics } from '@daasvader/enclave/metrics.ts';
import type { V1CertificateSigningRequest } from '@kubernetes/client-node';
import 'reflect-metadata';
import { type Answer, BareServer, objectIn } from '@daasvader/testbed/cluster/bare-server.ts';
import { Pkcs10CertificateRequest, SubjectAlternativeNameExtension } from '@peculiar/x509';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mutatedRequests, oddRequests, own } from './support/odd-requests.ts';

// Requests for certificates: what the enclave reads in them, what Kubernetes reads in them, and what is signed.

const BUILD = join(import.meta.dirname, '../k3s/build');
const CLIENT = 'kubernetes.io/kube-apiserver-client-kubelet';
const SERVING = 'kubernetes.io/kubelet-serving';
const CSR_PATH = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const MUTATIONS = 6_000;
const LIVE_MUTATIONS = 150;
const SOON = { timeout: 10_000 };

const admission: NodeAdmission = {
  nodeOfToken: (id) => (id === 'abcdef' ? 'worker-1' : undefined),
  claimToken: () => true,
  isAdmitted: (node) => node === 'worker-1',
};
const node = { username: 'system:node:worker-1', groups: ['system:nodes', 'system:authenticated'] };
const bootstrap = {
  username: 'system:bootstrap:abcdef',
  groups: ['system:bootstrappers', 'system:bootstrappers:daasvader', 'system:authenticated'],
};
const administrator = { username: 'system:admin', groups: ['system:masters', 'system:authenticated'] };
type Asker = typeof node;

/** A request by one who is entitled to `worker-1`, of each kind that there is. */
function asked(text: string, who: Asker, signerName: string): V1CertificateSigningRequest {
  const usages = ['digital signature', signerName === CLIENT ? 'client auth' : 'server auth'];
  const request = Buffer.from(text, 'latin1').toString('base64');
  return { metadata: { generateName: 'odd-' }, spec: { request, signerName, usages, ...who } };
}

const KINDS: [Asker, string][] = [
  [bootstrap, CLIENT],
  [node, CLIENT],
  [node, SERVING],
];

/** What Go reads in a request, and why the admission plugin denies it, if it does. */
interface Seen {
  denied: string;
  readable: boolean;
  subject: string;
  publicKey: string;
  dnsNames: string[] | null;
  addresses: string[] | null;
  others: number;
}

async function readWithGo(texts: string[]): Promise<Seen[]> {
  const directory = await mkdtemp(join(tmpdir(), 'corpus-'));
  try {
    const corpus = join(directory, 'corpus');
    await writeFile(
      corpus,
      texts.map((text) => `${Buffer.from(text, 'latin1').toString('base64')}\n`).join(''),
    );
    const env = { ...process.env, DAAS_CORPUS: corpus };
    await promisify(execFile)(BUILD, ['test', './admission', '-run', '^TestCorpus$', '-count=1'], { env });
    const lines = (await readFile(`${corpus}.seen`, 'utf8')).trimEnd().split('\n');
    return lines.map((line) => JSON.parse(line));
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** A third reader, by which a CSR was once checked: whoever reads what is stored must find what Go found. */
function readWithPeculiar(text: string) {
  const request = new Pkcs10CertificateRequest(text);
  const names = request.extensions.flatMap((each) =>
    each instanceof SubjectAlternativeNameExtension ? each.names.items : [],
  );
  const named = (kind: string) => names.filter(({ type }) => type === kind).map(({ value }) => value);
  return {
    subject: hex(new Uint8Array(request.subjectName.toArrayBuffer())),
    publicKey: hex(new Uint8Array(request.publicKey.rawData)),
    dnsNames: named('dns'),
    addresses: named('ip'),
  };
}

const namesIn = ({ subject, publicKey, dnsNames, addresses }: Seen) => ({
  subject,
  publicKey,
  dnsNames: dnsNames ?? [],
  addresses: addresses ?? [],
});

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('the enclave and Go read the same', () => {
  const texts = [...new Set([...oddRequests(), ...mutatedRequests(MUTATIONS, 20)])];

  test('of thousands of odd texts, none is approved that Kubernetes reads otherwise or would not store', async () => {
    const seen = await readWithGo(texts);
    expect(seen).toHaveLength(texts.length);
    const count = { approved: 0, stored: 0, readByGo: 0 };
    for (const [i, text] of texts.entries()) {
      const go = seen[i]!;
      count.readByGo += Number(go.readable);
      count.stored += Number(go.denied === '');
      if (go.denied === '') expect(readWithPeculiar(text), JSON.stringify(text)).toMatchObject(namesIn(go));
      for (const [who, signer] of KINDS) {
        const decision = decideCsr(asked(text, who, signer), admission);
        if (decision.verdict !== 'approve') continue;
        count.approved += 1;
        const { publicKey, dnsNames, addresses } = decision.leaf;
        expect(go, JSON.stringify(text)).toEqual({
          denied: '',
          readable: true,
          subject: hex(nodeName('worker-1')),
          publicKey: hex(spkiOf(publicKey)),
          dnsNames: dnsNames.length > 0 ? dnsNames : null,
          addresses: addresses.length > 0 ? addresses : null,
          others: 0,
        });
      }
    }
    console.log(`${texts.length} texts:`, count);
    // It would show nothing if one side refused everything: Go reads hundreds, of which few are written honestly.
    expect(count.approved).toBeGreaterThanOrEqual(3);
    expect(count.readByGo).toBeGreaterThan(100);
    expect(count.stored).toBeLessThan(count.readByGo);
  });
});

describe('a real API server', () => {
  let server: BareServer;
  let kubernetes: Kubernetes;
  const stop = new AbortController();
  let approving: Promise<void>;

  beforeAll(async () => {
    server = await BareServer.start();
    kubernetes = server.kubernetes;
    const log = pino({ enabled: false });
    const audit = new Audit(() => undefined);
    const signers = await server.k3s.signers();
    const options = { kubernetes, admission, signers, log, audit, metrics: new Metrics() };
    approving = approveCsrs({ ...options, assertFresh: () => undefined }, stop.signal);
  });

  afterAll(async () => {
    stop.abort();
    await approving;
    await server?.[Symbol.asyncDispose]();
  });

  /** Asks as somebody else; the answer of the API server. */
  function ask(text: string, who: Asker, signer: string): Promise<Answer> {
    const { metadata, spec } = asked(text, who, signer);
    const { username, groups, ...rest } = spec;
    const body = {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata,
      spec: rest,
    };
    const impersonate = { 'impersonate-user': username!, 'impersonate-group': groups! };
    return server.call('POST', CSR_PATH, server.administrator, body, impersonate);
  }

  /** What came of a request that was stored: its certificate, or undefined when it was denied. */
  async function outcome(answer: Answer): Promise<X509Certificate | undefined> {
    const { name: requestName } = (objectIn(answer) as V1CertificateSigningRequest).metadata!;
    const read = () => kubernetes.get<V1CertificateSigningRequest>(`${CSR_PATH}/${requestName}`);
    const isDecided = async () => {
      const { status } = await read();
      return Boolean(status?.certificate) || status?.conditions?.some(({ type }) => type === 'Denied');
    };
    await expect.poll(isDecided, SOON).toBe(true);
    const { certificate } = (await read()).status!;
    return certificate ? new X509Certificate(Buffer.from(certificate, 'base64')) : undefined;
  }

  const spkiIn = (certificate: X509Certificate) =>
    hex(certificate.publicKey.export({ type: 'spki', format: 'der' }));

  test('of hundreds of odd requests, what is signed is the asker and the key that Go reads', async () => {
    const texts = [...new Set([...oddRequests(), ...mutatedRequests(LIVE_MUTATIONS, 7)])];
    const seen = await readWithGo(texts);
    const count = { refused: 0, denied: 0, signed: 0 };
    for (const [i, text] of texts.entries()) {
      for (const [who, signer] of KINDS) {
        const answer = await ask(text, who, signer);
        // Anything but a refusal of the request itself would show nothing.
        expect(answer.status, answer.text).toSatisfy((status: number) => [201, 403, 422].includes(status));
        if (answer.status !== 201) {
          count.refused += 1;
          continue;
        }
        expect(seen[i], JSON.stringify(text)).toMatchObject({ denied: '', readable: true });
        const certificate = await outcome(answer);
        count[certificate ? 'signed' : 'denied'] += 1;
        if (!certificate) continue;
        expect(certificate.subject).toBe('O=system:nodes\nCN=system:node:worker-1');
        expect(seen[i]!.subject).toBe(hex(nodeName('worker-1')));
        expect(spkiIn(certificate)).toBe(seen[i]!.publicKey);
        expect(certificate.keyUsage).toEqual([signer === CLIENT ? '1.3.6.1.5.5.7.3.2' : '1.3.6.1.5.5.7.3.1']);
        expect(certificate.subjectAltName).toBe(
          signer === CLIENT ? undefined : 'DNS:worker-1, IP Address:10.99.0.2',
        );
      }
    }
    console.log(`${texts.length} texts, each asked for in ${KINDS.length} ways:`, count);
    expect(count.signed).toBeGreaterThanOrEqual(3);
    expect(count.denied).toBeGreaterThan(0);
  });

  test('a request hidden behind another one is not stored, whoever asks', async () => {
    const hidden = requestPem({ subject: name([attribute(COMMON_NAME, 'system:kube-controller-manager')]) });
    for (const text of [`x${own}${hidden}`, `x${hidden}${own}`]) {
      for (const [who, signer] of KINDS) expect((await ask(text, who, signer)).status).toBe(403);
      expect(await ask(text, administrator, 'kubernetes.io/kube-apiserver-client')).toMatchObject({
        status: 403,
        text: expect.stringContaining('not one block of PEM'),
      });
    }
  });

  test('Kubernetes itself signs nothing, not even what an administrator has approved', async () => {
    const text = requestPem({ subject: name([attribute(COMMON_NAME, 'system:kube-controller-manager')]) });
    const made = await ask(text, administrator, 'kubernetes.io/kube-apiserver-client');
    expect(made.status).toBe(201);
    const csr: V1CertificateSigningRequest = objectIn(made);
    const condition = { type: 'Approved', status: 'True', reason: 'test', message: 'test' };
    const path = `${CSR_PATH}/${csr.metadata!.name!}`;
    await kubernetes.replace(`${path}/approval`, { ...csr, status: { conditions: [condition] } });
    // What is asked for later has its certificate by now.
    expect(await outcome(await ask(own, node, CLIENT))).toBeDefined();
    const { status } = await kubernetes.get<V1CertificateSigningRequest>(path);
    expect(status).toMatchObject({ conditions: [{ type: 'Approved' }] });
    expect(status?.certificate).toBeUndefined();
  });

  test('a certificate that the enclave signed is one that the API server believes', async () => {
    const keys = newKeys();
    const certificate = await outcome(await ask(requestPem({ keys }), bootstrap, CLIENT));
    const caller = {
      cert: certificate!.toString(),
      key: `${keys.privateKey.export({ type: 'pkcs8', format: 'pem' })}`,
    };
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
    const answer = await server.call(
      'POST',
      '/apis/authentication.k8s.io/v1/selfsubjectreviews',
      caller,
      review,
    );
    expect(objectIn(answer).status.userInfo).toMatchObject({
      username: 'system:node:worker-1',
      groups: ['system:nodes', 'system:authenticated'],
    });
  });

  test('the running server takes up a certificate that was signed anew', async () => {
    const tlsDirectory = join(server.dataDir, 'server/tls');
    const prefix = join(tlsDirectory, 'serving-kube-apiserver');
    const key = createPublicKey(await readFile(`${prefix}.key`, 'utf8'));
    const signer = await CertificateSigner.load(join(tlsDirectory, 'server-ca'));
    const { pem } = await signer.sign({
      commonName: 'kube-apiserver',
      publicKey: pointOf(key.export({ type: 'spki', format: 'der' })),
      purpose: 'server',
      dnsNames: ['localhost'],
      addresses: ['127.0.0.1'],
      lifetimeSeconds: 3_600,
    });
    await writeFile(`${prefix}.new`, pem);
    await rename(`${prefix}.new`, `${prefix}.crt`);
    const { serialNumber } = new X509Certificate(pem);
    await expect.poll(() => shownCertificate(server.k3s.port), SOON).toBe(serialNumber);
  });
});

/** The serial number of the certificate that a TLS server shows. */
async function shownCertificate(port: number): Promise<string | undefined> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const shown = socket.getPeerX509Certificate()?.serialNumber;
  socket.destroy();
  return shown;
}
