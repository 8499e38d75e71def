import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { ClientRequest, OutgoingHttpHeaders } from 'node:http';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_RANGES } from '@daasvader/chain/ranges.ts';
import { K3s } from '@daasvader/enclave/kube/k3s.ts';
import type { Kubernetes } from '@daasvader/enclave/kube/kubernetes.ts';
import { pointOf } from '@daasvader/enclave/kube/p256.ts';
import { newKeys } from '@daasvader/enclave/kube/testing/certificate-request.ts';
import { pino } from 'pino';
import { findK3s } from './k3s.ts';

const HOUR_SECONDS = 3_600;

/** A client certificate with its key, in PEM; nothing for a caller without one. */
export interface Caller {
  readonly cert?: string;
  readonly key?: string;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

interface Parts extends Pick<BareServer, 'k3s' | 'kubernetes' | 'dataDir'> {
  readonly ca: string;
  readonly cleanup: AsyncDisposableStack;
}

/** The object that the API server answered with. */
export const objectIn = ({ text }: Answer) => JSON.parse(text);

/** The control plane alone, without nodes, on loopback, and whoever calls it. */
export class BareServer implements AsyncDisposable {
  readonly k3s: K3s;
  readonly kubernetes: Kubernetes;
  /** Where the server keeps its datastore, authorities and certificates. */
  readonly dataDir: string;
  readonly #ca: string;
  readonly #cleanup: AsyncDisposableStack;
  readonly #agent = new Agent({ keepAlive: true });

  private constructor({ k3s, kubernetes, dataDir, ca, cleanup }: Parts) {
    this.k3s = k3s;
    this.kubernetes = kubernetes;
    this.dataDir = dataDir;
    this.#ca = ca;
    this.#cleanup = cleanup;
  }

  /** Starts one in a new folder of `parent`, which goes with it. */
  static async start(parent = tmpdir()): Promise<BareServer> {
    await using cleanup = new AsyncDisposableStack();
    const directory = await mkdtemp(join(parent, 'bare-server-'));
    cleanup.defer(() => rm(directory, { recursive: true, force: true }));
    const dataDir = join(directory, 'k3s');
    const k3s = await K3s.start({
      binary: await findK3s(new AbortController().signal),
      dataDir,
      apiSocket: join(directory, 'api.sock'),
      names: [],
      externalUrl: 'https://127.0.0.1:6443',
      ...DEFAULT_RANGES,
      log: pino({ enabled: false }),
      onRestart: () => undefined,
    });
    cleanup.defer(() => k3s.stop());
    const [kubernetes, ca] = [await k3s.ready(), await k3s.serverCa()];
    return new BareServer({ k3s, kubernetes, dataDir, ca, cleanup: cleanup.move() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
    await this.#cleanup.disposeAsync();
  }

  /** The number of the server's process. */
  async pid(): Promise<number> {
    return Number(await readFile(`${this.dataDir}.pid`, 'utf8'));
  }

  /** Ends the server, which its supervisor starts again with what it had stored. */
  restart(): Promise<void> {
    return this.k3s.restart();
  }

  /** The same without asking; resolves when it answers no more. */
  async crash(): Promise<void> {
    process.kill(await this.pid(), 'SIGKILL');
    while (await this.kubernetes.isReady()) await sleep(10);
  }

  /** The caller that may do everything, also impersonate anybody. */
  get administrator(): Caller {
    const read = (kind: string) =>
      readFileSync(join(this.dataDir, `server/tls/client-admin.${kind}`), 'utf8');
    return { cert: read('crt'), key: read('key') };
  }

  /** A caller under this name, certified as the enclave certifies nodes and users. */
  async caller(commonName: string, organization?: string, seconds = HOUR_SECONDS): Promise<Caller> {
    const { publicKey, privateKey } = newKeys();
    const { client } = await this.k3s.signers();
    const { pem } = await client.sign({
      ...(organization !== undefined && { organization }),
      commonName,
      publicKey: pointOf(publicKey.export({ type: 'spki', format: 'der' })),
      purpose: 'client',
      dnsNames: [],
      addresses: [],
      lifetimeSeconds: seconds,
    });
    return { cert: pem, key: `${privateKey.export({ type: 'pkcs8', format: 'pem' })}` };
  }

  /** Calls the API server; resolves when the answer has ended. */
  call(
    method: string,
    path: string,
    caller: Caller,
    body?: object,
    headers: OutgoingHttpHeaders = {},
  ): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const bytes = body && Buffer.from(JSON.stringify(body));
    // Of a DELETE, Node's client sends the body but says nothing of it.
    const length = bytes && { 'content-length': bytes.length };
    const sent = this.open(
      method,
      path,
      caller,
      { 'content-type': type, ...length, ...headers },
      this.#agent,
    );
    sent.on('error', reject);
    sent.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => (text += part));
      response.on('close', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.end(bytes);
    return promise;
  }

  /** Begins a request, by default on a connection of its own; the caller of this ends it. */
  open(
    method: string,
    path: string,
    caller: Caller,
    headers: OutgoingHttpHeaders = {},
    agent: Agent | false = false,
  ): ClientRequest {
    const { port } = this.k3s;
    return request({ host: '127.0.0.1', port, method, path, ca: this.#ca, ...caller, headers, agent });
  }
}
