/**
 * What `daas proxy` adds: from `kubectl apply` of one object to its answer, chain and all, and `kubectl get` through it
 * beside the same with a credential of one's own; also a single request over a connection that is kept, where nothing hides
 * the way through one more process. Fails when an apply takes longer than a second at the median, or when kubectl reads
 * slower than 0.8 of direct.
 *
 *     bin/node bench/proxy.ts
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { Agent, get } from 'node:https';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { LiveCluster } from '@daasvader/testbed/cluster/live-cluster.ts';
import { User } from '@daasvader/testbed/cluster/user.ts';
import { parse } from 'yaml';

const APPLIES = 15;
const GETS = 20;
const READS = 100;
/** Between reads: a user may ask so often and not oftener. */
const PAUSE_MS = 50;
const MAX_APPLY_MS = 1_000;
const MIN_READ_RATIO = 0.8;
const DAAS = resolve(import.meta.dirname, '../bin/daas');
const run = promisify(execFile);

await using live = await LiveCluster.start();
const { cluster } = live;
const user = await User.create(cluster, 'alice');
await user.daas('stake', '2');
await user.untilRole();
await user.login();
const { proxy, kubeconfig } = await startProxy();
try {
  const applied = await timeApplies();
  const gets = await alternate([user.kubeconfig, kubeconfig].map(kubectlGet), GETS);
  const reads = await alternate(await Promise.all([user.kubeconfig, kubeconfig].map(readerOf)), READS);
  const ratio = gets[0]! / gets[1]!;
  process.stdout.write(`${cpus().length} × ${cpus()[0]?.model}\n`);
  process.stdout.write(`kubectl apply of one object, answered  ${applied.toFixed(0)} ms\n`);
  print('kubectl get pods', gets);
  print('one request for pods', reads);
  if (applied > MAX_APPLY_MS || ratio < MIN_READ_RATIO) {
    process.stderr.write(`proxy: at most ${MAX_APPLY_MS} ms and at least ${MIN_READ_RATIO} are wanted\n`);
    process.exitCode = 1;
  }
} finally {
  proxy.kill('SIGINT');
}

async function startProxy(): Promise<{ proxy: ChildProcess; kubeconfig: string }> {
  const args = ['proxy', '--wallet', user.wallet, '--yes', '--limit', '10'];
  const env = { ...process.env, ...cluster.daas.env };
  const proxy = spawn(DAAS, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(proxy.stdout.setEncoding('utf8'), 'data');
  return { proxy, kubeconfig: /KUBECONFIG=(\S+)/.exec(line)?.[1] ?? '' };
}

/** @returns ms of the whole command, at the median; the first finds out what kinds there are */
async function timeApplies(): Promise<number> {
  const times: number[] = [];
  for (let at = 0; at <= APPLIES; at += 1) {
    const file = join(cluster.directory, 'applied.json');
    const metadata = { name: `applied-${at}` };
    await writeFile(
      file,
      JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { a: '1' } }),
    );
    const began = performance.now();
    await run(cluster.k3s, ['kubectl', '--kubeconfig', kubeconfig, 'apply', '-f', file]);
    if (at > 0) times.push(performance.now() - began);
  }
  return median(times);
}

function print(what: string, [direct = 0, through = 0]: readonly number[]): void {
  const ratio = (direct / through).toFixed(2);
  const times = [direct, through].map((ms) => `${ms.toFixed(1)} ms`).join(', ');
  process.stdout.write(`${`${what}: direct, through`.padEnd(39)}${times}: ${ratio}\n`);
}

/** @returns ms of each at the median, taken in turn so that what else the machine does slows all alike */
async function alternate(works: readonly (() => Promise<unknown>)[], times: number): Promise<number[]> {
  const taken: number[][] = works.map(() => []);
  for (let at = 0; at < times; at += 1)
    for (const [which, work] of works.entries()) {
      const began = performance.now();
      await work();
      taken[which]?.push(performance.now() - began);
      await sleep(PAUSE_MS);
    }
  return taken.map(median);
}

function kubectlGet(file: string): () => Promise<unknown> {
  return () => run(cluster.k3s, ['kubectl', '--kubeconfig', file, 'get', 'pods']);
}

async function readerOf(file: string): Promise<() => Promise<void>> {
  const { clusters, users, contexts } = parse(await readFile(file, 'utf8'));
  const pem = (data?: string) => data && Buffer.from(data, 'base64').toString();
  const { server, 'certificate-authority-data': ca } = clusters[0].cluster;
  const { token, 'client-certificate-data': cert, 'client-key-data': key } = users[0].user;
  const agent = new Agent({ keepAlive: true, ca: pem(ca), cert: pem(cert), key: pem(key) });
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const url = `${server}/api/v1/namespaces/${contexts[0].context.namespace}/pods`;
  return async () => {
    const [response] = await once(get(url, { agent, headers }), 'response');
    if (response.statusCode !== 200) throw new Error(`Cannot read ${url}: status ${response.statusCode}`);
    response.resume();
    await once(response, 'end');
  };
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1] ?? Number.NaN;
}
