import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { K3s } from '@daasvader/enclave/kube/k3s.ts';
import type { Kubernetes } from '@daasvader/enclave/kube/kubernetes.ts';
import { pino } from 'pino';
import { findK3s } from '../../scripts/demo/k3s.ts';

/** A client certificate with its key, in PEM; nothing for a caller without one. */
export interface Caller {
  readonly cert?: string;
  readonly key?: string;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** The control plane alone, without nodes, on loopback. */
export class BareServer implements AsyncDisposable {
  readonly k3s: K3s;
  readonly kubernetes: Kubernetes;
  readonly #directory: string;
  readonly #ca: string;

  private constructor(k3s: K3s, kubernetes: Kubernetes, directory: string, ca: string) {
    this.k3s = k3s;
    this.kubernetes = kubernetes;
    this.#directory = directory;
    this.#ca = ca;
  }

  static async start(): Promise<BareServer> {
    const directory = await mkdtemp(join(tmpdir(), 'bare-server-'));
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
    return new BareServer(k3s, await k3s.ready(), directory, await k3s.serverCa());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.k3s.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** Kills the server, which its supervisor starts again with what it had stored. */
  async crash(): Promise<void> {
    process.kill(Number(await readFile(join(this.#directory, 'k3s.pid'), 'utf8')), 'SIGKILL');
    while (await this.kubernetes.isReady()) await sleep(10);
  }

  /** Where the server keeps its authorities and certificates. */
  get tlsDirectory(): string {
    return join(this.#directory, 'k3s/server/tls');
  }

  /** The caller that may do everything, also impersonate anybody. */
  get administrator(): Caller {
    const { certFile = '', keyFile = '' } = this.kubernetes.config.getCurrentUser() ?? {};
    return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  }

  /** Calls the API server, POST when there is a body; resolves when the answer has ended. */
  call(
    path: string,
    caller: Caller,
    body?: object,
    headers: Record<string, string | string[]> = {},
  ): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const options = { host: '127.0.0.1', port: this.k3s.port, path, ca: this.#ca, ...caller, agent: false };
    const sent = request({ ...options, method: body ? 'POST' : 'GET' }, (response) => {
      let text = '';
      response.on('data', (part) => (text += part));
      response.on('close', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on('error', reject);
    sent.setHeader('content-type', 'application/json');
    for (const [name, value] of Object.entries(headers)) sent.setHeader(name, value);
    sent.end(body && JSON.stringify(body));
    return promise;
  }
}
