import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { submitK8sRequest, submitRequest } from '@daasvader/chain/calls/user.ts';
import type { Deployment } from '@daasvader/chain/deployment.ts';
import { execute } from '@daasvader/chain/submit.ts';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import type { Transaction } from '@mysten/sui/transactions';

/** Orders in one transaction: see {@link orderApp}. */
const ORDERS_PER_APP = 4;
const CONFIG_BYTES = 1_024;
/** MIST; fixed, so that the devnet need not simulate what it is about to execute. */
const GAS_BUDGET = 500_000_000n;

/** Who orders how much, and where. */
export interface LoadOptions {
  readonly deployment: Deployment;
  readonly url: string;
  /** Keys of the authors. */
  readonly secrets: readonly string[];
  readonly perSecond: number;
  readonly seconds: number;
}

/** What came of the load. */
export interface Load {
  readonly accepted: number;
  readonly transactions: number;
  /** Why transactions were refused, each time. */
  readonly refusals: readonly string[];
  /** Ms from the first transaction to the end of the last. */
  readonly ms: number;
}

const options = workerData as LoadOptions;
const { deployment, url, secrets, perSecond, seconds } = options;
const client = new SuiGrpcClient({ network: deployment.network, baseUrl: url });
/** Between two apps of one author. */
const everyMs = (1_000 * secrets.length * ORDERS_PER_APP) / perSecond;
const refusals: string[] = [];
const from = performance.now();
const end = from + 1_000 * seconds;
const apps = await Promise.all(secrets.map(write));
const transactions = apps.reduce((sum, each) => sum + each, 0);
const accepted = transactions * ORDERS_PER_APP;
const load: Load = { accepted, transactions, refusals, ms: performance.now() - from };
parentPort!.postMessage(load);

/** One author's apps, one after the other. @returns how many were accepted */
async function write(secret: string, index: number): Promise<number> {
  const author = Ed25519Keypair.fromSecretKey(secret);
  let apps = 0;
  for (let at = from + (everyMs * index) / secrets.length; at < end; at += everyMs) {
    await sleep(Math.max(0, at - performance.now()));
    if (performance.now() > end) break;
    await execute(client, author, (tx) => orderApp(tx, author.toSuiAddress(), apps))
      .then(() => (apps += 1))
      .catch((error: Error) => refusals.push(error.message));
  }
  return apps;
}

/** Two Deployments, the Service of the first and a ConfigMap, as a user orders what belongs together. */
function orderApp(tx: Transaction, requester: string, index: number): void {
  tx.setGasBudget(GAS_BUDGET);
  const name = `app-${index}`;
  const apps = '/apis/apps/v1/namespaces/default/deployments';
  const common = { method: 'POST', labels: `app=${name}`, namespace: 'default', requester, port: '8080' };
  const web = { ...common, name, containerName: name, image: 'ghcr.io/example/web:1.29' };
  submitK8sRequest(tx, deployment, { ...web, path: apps });
  submitK8sRequest(tx, deployment, { ...web, path: apps, name: `${name}-worker` });
  submitK8sRequest(tx, deployment, { ...web, path: '/api/v1/namespaces/default/services' });
  const metadata = { name };
  const data = { 'config.yaml': 'x'.repeat(CONFIG_BYTES) };
  const body = Buffer.from(JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data }));
  const path = '/api/v1/namespaces/default/configmaps';
  submitRequest(tx, deployment, { method: 'POST', path, query: '', contentType: 'application/json', body });
}
