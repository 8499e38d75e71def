import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import 'reflect-metadata'; // @peculiar/x509 needs it loaded first
import { K3s } from '@daasvader/enclave/kube/k3s.ts';
import type { Kubernetes } from '@daasvader/enclave/kube/kubernetes.ts';
import { X509Certificate, X509CertificateGenerator } from '@peculiar/x509';
import { pino } from 'pino';
import { findK3s } from '../../scripts/demo/k3s.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** Somebody with a client certificate. */
export interface Caller {
  readonly agent: Agent;
}

/** What the API server answered. */
export interface Answer {
  readonly status: number;
  readonly body: {
    readonly message?: string;
    readonly metadata?: { uid?: string; resourceVersion?: string };
  };
}

/** A control plane alone, without nodes, and whoever calls it with a certificate of its client authority. */
export class ApiServer {
  readonly kubernetes: Kubernetes;
  readonly #k3s: K3s;
  readonly #directory: string;
  readonly #ca: string;

  private constructor(k3s: K3s, kubernetes: Kubernetes, directory: string, ca: string) {
    this.kubernetes = kubernetes;
    this.#k3s = k3s;
    this.#directory = directory;
    this.#ca = ca;
  }

  /** Starts one whose data lies in `directory`. */
  static async start(directory: string): Promise<ApiServer> {
    const k3s = await K3s.start({
      binary: await findK3s(new AbortController().signal),
      dataDir: join(directory, 'k3s'),
      apiSocket: join(directory, 'api.sock'),
      names: [],
      externalUrl: 'https://127.0.0.1:6443',
      clusterCidr: '10.42.0.0/16',
      serviceCidr: '10.43.0.0/16',
      log: pino({ enabled: false }),
      onRestart: () => undefined,
    });
    return new ApiServer(k3s, await k3s.ready(), directory, await k3s.serverCa());
  }

  stop(): Promise<void> {
    return this.#k3s.stop();
  }

  /** Ends the server, which is then started again. */
  restart(): Promise<void> {
    return this.#k3s.restart();
  }

  /** The number of the server's process. */
  async pid(): Promise<number> {
    return Number(await readFile(join(this.#directory, 'k3s.pid'), 'utf8'));
  }

  /** The cluster's administrator, as whom the enclave acts. */
  async administrator(): Promise<Caller> {
    const { certFile = '', keyFile = '' } = this.kubernetes.config.getCurrentUser() ?? {};
    const [cert, key] = await Promise.all([certFile, keyFile].map((file) => readFile(file, 'utf8')));
    return this.#callerWith(cert!, key!);
  }

  /** A caller under any name, whom the client authority vouches for. */
  async caller(user: string, group?: string): Promise<Caller> {
    const authority = join(this.#directory, 'k3s/server/tls/client-ca');
    const [caPem, caKey] = await Promise.all([readFile(`${authority}.crt`), readFile(`${authority}.key`)]);
    const pkcs8 = createPrivateKey(caKey).export({ type: 'pkcs8', format: 'der' });
    const signingKey = await crypto.subtle.importKey('pkcs8', Uint8Array.from(pkcs8), ALGORITHM, false, [
      'sign',
    ]);
    const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const certificate = await X509CertificateGenerator.create({
      subject: [{ CN: [user] }, ...(group === undefined ? [] : [{ O: [group] }])],
      issuer: new X509Certificate(caPem.toString()).subject,
      publicKey: keys.publicKey,
      signingKey,
      signingAlgorithm: ALGORITHM,
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + 3_600_000),
    });
    const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
    const keyPem = `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`;
    return this.#callerWith(certificate.toString('pem'), keyPem);
  }

  #callerWith(cert: string, key: string): Caller {
    return { agent: new Agent({ cert, key, ca: this.#ca, keepAlive: true, maxSockets: 8 }) };
  }

  /** Calls the API server; resolves when the answer has ended. */
  call(method: string, path: string, { agent }: Caller, body?: object): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const sent = request({ host: '127.0.0.1', port: this.#k3s.port, method, path, agent }, (response) => {
      let text = '';
      response.on('data', (part) => (text += part));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: parse(text) }));
    });
    sent.on('error', reject);
    const content = body && JSON.stringify(body);
    if (content) {
      sent.setHeader(
        'content-type',
        method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
      );
      sent.setHeader('content-length', Buffer.byteLength(content));
    }
    sent.end(content);
    return promise;
  }
}

function parse(text: string): Answer['body'] {
  try {
    return JSON.parse(text);
  } catch {
    return { message: text };
  }
}
