import { type ChildProcess, execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as operatorCalls from '@daasvader/chain/calls/operator.ts';
import * as userCalls from '@daasvader/chain/calls/user.ts';
import { writeDeployment } from '@daasvader/chain/deployment.ts';
import { submit } from '@daasvader/chain/submit.ts';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { vi } from 'vitest';
import { SeatedCluster } from './seated-cluster.ts';

const SUI = 1_000_000_000n;
const NODE = 'worker-1';
const DIGEST = new Uint8Array(32).fill(7);

/** Developers, each with a wallet. */
export type Person = 'user' | 'stranger';

/** How a command ended. */
export interface Outcome {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** A command that runs. */
export interface Running {
  ended: Promise<Outcome>;
  /** Resolves with what it has told stderr once that matches. */
  told(pattern: RegExp): Promise<string>;
}

/** The contracts with an active worker, two developers with wallets, and a control plane that does what tests say. */
export class OrderCluster {
  readonly #cluster: SeatedCluster;
  readonly #directory: string;
  readonly #people = { user: new Ed25519Keypair(), stranger: new Ed25519Keypair() };

  private constructor(cluster: SeatedCluster, directory: string) {
    this.#cluster = cluster;
    this.#directory = directory;
  }

  static async start(): Promise<OrderCluster> {
    const cluster = await SeatedCluster.start();
    const directory = await mkdtemp(join(tmpdir(), 'daas-orders-'));
    await writeDeployment(join(directory, 'deployment.json'), cluster.deployment);
    const self = new OrderCluster(cluster, directory);
    await cluster.addWorker(cluster.devnet.accounts[1]!, NODE);
    for (const who of ['user', 'stranger'] as const) await self.#addUser(who);
    return self;
  }

  /** Of the full node. */
  get url(): string {
    return this.#cluster.devnet.url;
  }

  async close(): Promise<void> {
    await this.#cluster.close();
    await rm(this.#directory, { recursive: true });
  }

  /** Starts a command as a person does. */
  run(who: Person, ...args: string[]): Running {
    const main = join(import.meta.dirname, '../../cli/main.ts');
    const env = {
      DAAS_DEPLOYMENT: join(this.#directory, 'deployment.json'),
      DAAS_WALLET: join(this.#directory, who),
    };
    let child: ChildProcess | undefined;
    const ended = new Promise<Outcome>((resolve) => {
      child = execFile(process.execPath, [main, ...args], { env }, (error, stdout, stderr) =>
        resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr }),
      );
    });
    let stderr = '';
    child?.stderr?.on('data', (text) => {
      stderr += text;
    });
    const told = (pattern: RegExp) =>
      vi.waitUntil(() => pattern.test(stderr) && stderr, { timeout: 50_000, interval: 20 });
    return { ended, told };
  }

  /** Runs a command of the user's to its end. */
  daas(...args: string[]): Promise<Outcome> {
    return this.run('user', ...args).ended;
  }

  /** Orders a Deployment of that name and gives the number of the request. */
  async order(name: string): Promise<bigint> {
    const { stdout } = await this.daas('deploy', name, '--image', 'web:1', '--no-service', '--json');
    return BigInt(JSON.parse(stdout).requests[0].id);
  }

  /** Orders that many Deployments in one transaction. */
  async fill(who: Person, count: number): Promise<void> {
    const { client, deployment } = this.#cluster;
    const user = this.#people[who];
    const path = '/apis/apps/v1/namespaces/default/deployments';
    const common = { method: 'POST', path, labels: '', namespace: 'default', image: 'web:1', port: '80' };
    await submit(client, user, (tx) => {
      for (let index = 0; index < count; index += 1) {
        const name = `web-${index}`;
        const order = { ...common, name, containerName: name, requester: user.toSuiAddress() };
        userCalls.submitK8sRequest(tx, deployment, order);
      }
    });
  }

  /** Says that a request's pods are on the worker. */
  assign(requestId: bigint): Promise<unknown> {
    return this.#cluster.operate((...operator) =>
      operatorCalls.assignWorkers(...operator, { requestId, nodeIds: [NODE] }),
    );
  }

  start(requestId: bigint): Promise<unknown> {
    return this.#cluster.operate((...operator) => operatorCalls.startRequest(...operator, requestId));
  }

  complete(requestId: bigint): Promise<unknown> {
    return this.#cluster.operate((...operator) =>
      operatorCalls.completeRequest(...operator, { requestId, resultDigest: DIGEST }),
    );
  }

  fail(requestId: bigint, reason: string, applied: boolean): Promise<unknown> {
    return this.#cluster.operate((...operator) =>
      operatorCalls.failRequest(...operator, { requestId, reason, applied }),
    );
  }

  settle(requestId: bigint, outcome: number): Promise<unknown> {
    return this.#cluster.operate((...operator) =>
      operatorCalls.settleCancelledRequest(...operator, { requestId, outcome }),
    );
  }

  async #addUser(who: Person): Promise<void> {
    const { client, deployment, devnet } = this.#cluster;
    const signer = this.#people[who];
    await devnet.faucet(signer.toSuiAddress());
    await writeFile(join(this.#directory, who), signer.getSecretKey(), { mode: 0o600 });
    await submit(client, signer, (tx) => userCalls.stake(tx, deployment, 2n * SUI));
  }
}
