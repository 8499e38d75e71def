/**
 * The real image on the emulated Nitro machine: its size, how it boots, the memory it takes, and how fast it answers
 * through the relay.
 *
 *   bin/node bench/nitro.ts [--chart FILE]     FILE gets the boot phases as an SVG
 */

import { randomBytes } from 'node:crypto';
import { readdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, type RequestOptions, request } from 'node:https';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { decodePem } from '@daasvader/attestation/pem.ts';
import { ANY } from '@daasvader/attestation/policy.ts';
import { verifyAttestation } from '@daasvader/attestation/verify.ts';
import { formatTable } from '@daasvader/cli/output.ts';
import { Cluster, insecure } from '@daasvader/testbed/cluster/cluster.ts';
import { sweep, takeDirectory } from '@daasvader/testbed/cluster/directory.ts';
import { buildImage } from '@daasvader/testbed/cluster/image.ts';
import { findK3s } from '@daasvader/testbed/cluster/k3s.ts';
import { Narrator } from '@daasvader/testbed/cluster/narrator.ts';
import { startCluster } from '@daasvader/testbed/cluster/steps.ts';
import { User } from '@daasvader/testbed/cluster/user.ts';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import { KubeConfig } from '@kubernetes/client-node';
import { Client, fetch } from 'undici';
import { bootChart } from './boot-chart.ts';
import { bootPhases, type Phase } from './boot-phases.ts';

/** As many as a connection may ask for in a minute. */
const ATTESTATIONS = 100;
const ROUNDS = 5;
/** The API server reads bodies up to 3 MiB. */
const BODY_BYTES = 2 << 20;
const MIB = 1 << 20;

const { chart } = parseArgs({ options: { chart: { type: 'string' } } }).values;
const stop = new AbortController();
process.on('SIGINT', () => stop.abort(new Error('interrupted')));
const directory = await takeDirectory();
try {
  const image = await buildImage(stop.signal);
  const k3s = await findK3s(stop.signal);
  await using cluster = await Cluster.create({ directory, k3s, signal: stop.signal, image });
  await startCluster(cluster, new Narrator(() => {}));
  const machine = `${cpus().length} × ${cpus()[0]?.model}, emulated`;
  const phases = await bootPhases(cluster);
  process.stdout.write(`${machine}\n${phaseTable(phases)}\n`);
  if (chart) await writeFile(chart, bootChart(`Power-on to workers let in: ${machine}`, phases));
  const rows = [
    ['image', mib((await stat(image.file)).size)],
    ...(await memory(cluster)),
    ['power-on → API ready', seconds(endOf(phases, 'k3s ready'))],
    ['power-on → workers let in', seconds(endOf(phases, 'admit workers'))],
    ...(await attestations(cluster)),
    ...(await throughput(cluster)),
  ];
  process.stdout.write(formatTable(['WHAT', 'MEASURED'], rows));
} finally {
  await sweep(directory);
}

function phaseTable(phases: readonly Phase[]): string {
  const rows = phases.map(({ name, from, to }) => [name, seconds(to - from), seconds(to)]);
  return formatTable(['BOOT PHASE', 'TAKES', 'ENDS AFTER POWER-ON'], rows);
}

function endOf(phases: readonly Phase[], wanted: string): number {
  const phase = phases.find(({ name }) => name === wanted);
  if (phase === undefined) throw new Error(`Cannot find the phase ${wanted} in the log of the boot`);
  return phase.to;
}

/** What the guest has ever touched of its memory, which is what the host had to give, and the enclave process alone. */
async function memory({ stateDir, addresses }: Cluster): Promise<string[][]> {
  const status = await readFile(`/proc/${await findQemu(join(stateDir, 'vsock.machine'))}/status`, 'utf8');
  const metrics = await (await fetch(`${addresses.apiUrl}${ROUTE.metrics}`, { dispatcher: insecure })).text();
  const touched = Number(/^RssShmem:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
  const resident = Number(/^process_resident_memory_bytes (\S+)$/m.exec(metrics)?.[1]);
  return [
    ['memory of the machine touched since power-on', mib(touched)],
    ['of it resident in the enclave process', mib(resident)],
  ];
}

/** The machine's process, by the directory that it runs in. */
async function findQemu(workingDirectory: string): Promise<string> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const [cwd, program] = await Promise.all(
      ['cwd', 'exe'].map((link) => readlink(`/proc/${pid}/${link}`).catch(() => '')),
    );
    if (cwd === workingDirectory && program?.includes('qemu-system')) return pid;
  }
  throw new Error(`Cannot find the machine that runs in ${workingDirectory}`);
}

/** Asks for documents one after the other on one connection; each answers its own challenge. */
async function attestations({ addresses }: Cluster): Promise<string[][]> {
  const client = new Client(addresses.apiUrl, { connect: { rejectUnauthorized: false } });
  const answers: { nonce: Buffer<ArrayBuffer>; document: string }[] = [];
  const taken: number[] = [];
  for (let index = 0; index < ATTESTATIONS; index += 1) {
    const nonce = randomBytes(32);
    const path = `${ROUTE.attestation}?nonce=${nonce.toString('hex')}`;
    const from = performance.now();
    const { statusCode, body } = await client.request({ method: 'GET', path });
    const { document } = (await body.json()) as { document: string };
    taken.push(performance.now() - from);
    if (statusCode !== 200) throw new Error(`Cannot attest: the enclave answered ${statusCode}`);
    answers.push({ nonce, document });
  }
  await client.close();
  const root = decodePem(await readFile(addresses.rootFile, 'utf8'));
  if (root === undefined) throw new Error(`Cannot verify: ${addresses.rootFile} is no certificate`);
  for (const { nonce, document } of answers) {
    await verifyAttestation(Buffer.from(document, 'base64'), Date.now(), { ...ANY, root, nonce });
  }
  const sorted = taken.toSorted((a, b) => a - b);
  const at = (share: number) => `${sorted[Math.ceil(share * sorted.length) - 1]!.toFixed(0)} ms`;
  return [[`attestation through the relay, ${ATTESTATIONS} times`, `p50 ${at(0.5)}, p99 ${at(0.99)}`]];
}

/** Large bodies between a user and the API server, through the relay and with TLS from end to end. */
async function throughput(cluster: Cluster): Promise<string[][]> {
  const options = await userOptions(cluster);
  const review = (padding: number) =>
    JSON.stringify({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'SelfSubjectReview',
      metadata: { annotations: { padding: 'x'.repeat(padding) } },
    });
  const post = { method: 'POST', path: '/apis/authentication.k8s.io/v1/selfsubjectreviews' };
  const out = await best(() => exchange(options, { method: 'GET', path: '/openapi/v2' }));
  const into = await best(() => exchange(options, post, review(BODY_BYTES)));
  return [
    ['guest → host, GET /openapi/v2 over TLS', out],
    [`host → guest, POST of ${BODY_BYTES / MIB} MiB over TLS`, into],
  ];
}

/** A user's credential, and one connection that is kept. */
async function userOptions(cluster: Cluster): Promise<RequestOptions> {
  const user = await User.create(cluster, 'bench');
  await user.daas('stake', '2');
  await user.untilRole();
  await user.login();
  const config = new KubeConfig();
  config.loadFromFile(user.kubeconfig);
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const { hostname, port } = new URL(cluster.addresses.kubernetesUrl);
  const { ca, cert, key, headers } = options as RequestOptions & Record<'ca' | 'cert' | 'key', Buffer>;
  const agent = new HttpsAgent({ keepAlive: true, maxSockets: 1, ca, cert, key });
  return { hostname, port, headers: headers ?? {}, agent };
}

/** Sends a body and reads the answer. */
async function exchange(
  options: RequestOptions,
  { method, path }: RequestOptions,
  body = '',
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers = { ...options.headers, 'content-type': 'application/json' };
  request({ ...options, method, path, headers }, resolve)
    .once('error', reject)
    .end(body);
  const response = await promise;
  const answer = await buffer(response);
  if (Math.floor((response.statusCode ?? 0) / 100) !== 2)
    throw new Error(`${method} ${path} answered ${response.statusCode}: ${answer.subarray(0, 300)}`);
  return Math.max(answer.length, body.length);
}

/** The best of several rounds after one that warms everything up. */
async function best(round: () => Promise<number>): Promise<string> {
  const bytes = await round();
  const rates: number[] = [];
  for (let index = 0; index < ROUNDS; index += 1) {
    const from = performance.now();
    rates.push((await round()) / MIB / ((performance.now() - from) / 1_000));
  }
  return `${Math.max(...rates).toFixed(1)} MiB/s (${mib(bytes)}, best of ${ROUNDS})`;
}

function mib(bytes: number): string {
  if (!Number.isFinite(bytes)) throw new Error('Cannot tell a size: what tells it has changed its form');
  return `${(bytes / MIB).toFixed(1)} MiB`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
