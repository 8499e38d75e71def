import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { access, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { EnclaveError } from '../error.ts';
import type { Logger } from '../log.ts';
import type { Credential } from './api-server.ts';
import type { NodeSigners } from './csr-approver.ts';
import { Kubernetes } from './kubernetes.ts';
import { CertificateSigner } from './signer.ts';

const READY_TIMEOUT_MS = 180_000;
const READY_POLL_MS = 100;
const MIN_BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 10_000;
/** A server that ran this long had recovered: the next failure starts the backoff anew. */
const STABLE_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;

/** How the Kubernetes server is started. */
export interface K3sOptions {
  readonly binary: string;
  readonly dataDir: string;
  /** Unix socket on which this process answers its own routes of port 6443. */
  readonly apiSocket: string;
  readonly names: readonly string[];
  readonly externalUrl: string;
  readonly clusterCidr: string;
  readonly serviceCidr: string;
  readonly log: Logger;
  readonly onRestart: () => void;
}

/**
 * The Kubernetes server as a supervised child. It is started again with growing pauses whenever it ends; its data
 * directory stays, so that a restart of it alone loses nothing.
 */
export class K3s {
  readonly port: number;
  readonly #options: K3sOptions;
  readonly #stopped = new AbortController();
  #child: ChildProcess | undefined;
  #supervision: Promise<void> = Promise.resolve();

  private constructor(port: number, options: K3sOptions) {
    this.port = port;
    this.#options = options;
  }

  /** Starts the server with an empty data directory on a free port of the loopback interface. */
  static async start(options: K3sOptions): Promise<K3s> {
    await endLeftover(options.dataDir);
    await rm(options.dataDir, { recursive: true, force: true });
    const k3s = new K3s(await freePort(), options);
    k3s.#supervision = k3s.#supervise();
    return k3s;
  }

  /**
   * Waits until the API server serves.
   *
   * @throws {EnclaveError} `k3s` after three minutes
   */
  async ready(): Promise<Kubernetes> {
    const server = join(this.#options.dataDir, 'server');
    const kubernetes = new Kubernetes(`https://127.0.0.1:${this.port}`, () =>
      readCredential(join(server, 'tls')),
    );
    const deadline = performance.now() + READY_TIMEOUT_MS;
    let cause: unknown;
    while (performance.now() < deadline && !this.#stopped.signal.aborted) {
      try {
        await access(join(server, 'cred/admin.kubeconfig')); // written when the cluster can be used
        await kubernetes.get('/api/v1/namespaces/kube-system');
        return kubernetes;
      } catch (error) {
        cause = error;
        await sleep(READY_POLL_MS);
      }
    }
    throw new EnclaveError('k3s', `Cannot reach Kubernetes: not ready in ${READY_TIMEOUT_MS / 1_000} s`, {
      cause,
    });
  }

  /** The certificate, in PEM, of the authority that signed the server's own certificate. */
  serverCa(): Promise<string> {
    return readFile(join(this.#options.dataDir, 'server/tls/server-ca.crt'), 'utf8');
  }

  /** The authorities that API clients and kubelets are trusted by; nobody signs with them but this process. */
  async signers(): Promise<NodeSigners> {
    const load = (name: string) => CertificateSigner.load(join(this.#options.dataDir, 'server/tls', name));
    return { client: await load('client-ca'), server: await load('kubelet-serving-ca') };
  }

  /** Ends a server that hangs; it is then started again. */
  restart(): Promise<void> {
    return this.#end();
  }

  /** Ends the server and waits for it; kills it when it does not listen. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#end();
    await this.#supervision;
  }

  async #end(): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const kill = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(kill);
  }

  async #supervise(): Promise<void> {
    let backoff = MIN_BACKOFF_MS;
    while (!this.#stopped.signal.aborted) {
      const started = performance.now();
      await this.#runOnce();
      if (this.#stopped.signal.aborted) return;
      if (performance.now() - started > STABLE_MS) backoff = MIN_BACKOFF_MS;
      this.#options.log.warn({ backoff }, 'k3s ended, starting it again');
      this.#options.onRestart();
      await sleep(backoff, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
      backoff = Math.min(backoff * 2, MAX_BACKOFF_MS);
    }
  }

  async #runOnce(): Promise<void> {
    const { binary, dataDir, log } = this.#options;
    const child = spawn(binary, this.#arguments(), { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    const lines = log.child({ component: 'k3s' });
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on('line', (line) => lines.info(line));
    }
    const exited = once(child, 'exit'); // it may have ended before its number is written down
    try {
      if (child.pid !== undefined) await writePid(pidFile(dataDir), child.pid, log);
      const [code, signal] = await exited;
      log.info({ code, signal }, 'k3s exited');
    } catch (error) {
      log.error({ error: String(error), binary }, 'k3s cannot be started');
    }
  }

  #arguments(): string[] {
    const { dataDir, apiSocket, names, externalUrl, clusterCidr, serviceCidr } = this.#options;
    return [
      'server',
      ...['--data-dir', dataDir],
      ...['--bind-address', '127.0.0.1', '--https-listen-port', `${this.port}`],
      ...names.flatMap((name) => ['--tls-san', name]),
      ...['--api-socket', apiSocket, '--external-url', externalUrl],
      ...['--cluster-cidr', clusterCidr, '--service-cidr', serviceCidr],
    ];
  }
}

/** The cluster administrator's, from the folder where the server keeps certificates, and where it puts new ones. */
function readCredential(directory: string): Credential {
  const read = (name: string) => readFileSync(join(directory, name), 'utf8');
  return { ca: read('server-ca.crt'), cert: read('client-admin.crt'), key: read('client-admin.key') };
}

/** Without it a successor of ours that was killed would not find the server; this one goes on. */
async function writePid(file: string, pid: number, log: Logger): Promise<void> {
  await writeFile(file, `${pid}`).catch((error: unknown) =>
    log.warn({ error: String(error) }, 'k3s: its process id is not kept'),
  );
}

function pidFile(dataDir: string): string {
  return `${dataDir}.pid`;
}

/** Ends the server of an earlier process that was killed: two servers must not share a data directory. */
async function endLeftover(dataDir: string): Promise<void> {
  const pid = Number(await readFile(pidFile(dataDir), 'utf8').catch(() => '0'));
  if (!Number.isInteger(pid) || pid <= 1) return;
  // The number may have been given to another process meanwhile; only ours has our data directory as an argument.
  const isOurs = async () =>
    (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0').includes(dataDir);
  for (const started = performance.now(); await isOurs(); await sleep(READY_POLL_MS)) {
    signal(pid, performance.now() - started > STOP_TIMEOUT_MS ? 'SIGKILL' : 'SIGTERM');
  }
}

/** It may end between the look and the signal. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
