import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { newKeys, nodeName, requestPem } from '@daasvader/enclave/kube/testing/certificate-request.ts';
import type { Cluster } from '@daasvader/testbed/cluster/cluster.ts';
import { workerConfiguration } from '@daasvader/testbed/cluster/worker.ts';
import { parse, stringify } from 'yaml';
import { type Identity, Peer } from './peer.ts';

const run = promisify(execFile);
const AGENT = [
  '--disable-warning=ExperimentalWarning',
  resolve(import.meta.dirname, '../../worker-agent/main.ts'),
];
const CSRS = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet';
const POLL_MS = 100;
const SIGNED_TIMEOUT_MS = 10_000;

/** The node that is hostile; nothing of Kubernetes runs on it. */
export const ROGUE = 'rogue';

/** What a node asks a certificate for. */
export interface SigningRequest {
  readonly name: string;
  /** PEM, or what is meant to pass for it. */
  readonly request: string;
  readonly signerName?: string;
  readonly usages?: string[];
}

/** Somebody hostile's place on this machine. */
export interface RogueWorker {
  /** Where the agent keeps its keys. */
  readonly stateDir: string;
  /** Runs a command of the worker agent. */
  readonly agent: (...args: string[]) => Promise<{ stdout: string }>;
}

/** Stakes and registers as honest providers do, with the worker agent's own commands. */
export async function registerRogue(
  cluster: Cluster,
  node: { id: string; ip: string },
): Promise<RogueWorker> {
  const config = await writeConfiguration(cluster, node);
  const agent = (...args: string[]) => run(process.execPath, [...AGENT, ...args, '--config', config]);
  const { stdout } = await agent('keygen', '--wallet', '--json');
  await cluster.fund((JSON.parse(stdout) as { address: string }).address);
  await agent('register');
  return { stateDir: join(cluster.directory, node.id, 'data/worker-agent'), agent };
}

/** Joins as honest providers do, and keeps the certificate instead of giving it to a kubelet. */
export async function joinRogueNode(cluster: Cluster, localAddress: string): Promise<Peer> {
  const { agent, stateDir } = await registerRogue(cluster, { id: ROGUE, ip: '10.77.0.200' });
  await agent('join');
  const token = await readToken(join(stateDir, 'bootstrap.kubeconfig'));
  const { kubernetesUrl } = cluster.addresses;
  const certificate = await certify(new Peer(kubernetesUrl, { token }, localAddress));
  return new Peer(kubernetesUrl, certificate, localAddress);
}

async function certify(bootstrap: Peer): Promise<Identity> {
  const keys = newKeys();
  const name = `${ROGUE}-first`;
  const request = requestPem({ keys, subject: nodeName(ROGUE) });
  const seen = await certificateFor(bootstrap, { name, request });
  if (typeof seen === 'string') throw new Error(`Cannot get a node's certificate: ${seen}`);
  const key = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  return { cert: seen.certificate, key };
}

/** Asks for a certificate; gives it, or why there is none. */
export async function certificateFor(
  peer: Peer,
  {
    name,
    request,
    signerName = CLIENT_SIGNER,
    usages = ['digital signature', 'client auth'],
  }: SigningRequest,
): Promise<{ certificate: string } | string> {
  const body = {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name },
    spec: { request: Buffer.from(request).toString('base64'), signerName, usages },
  };
  const made = await peer.try({ method: 'POST', path: CSRS, body });
  if (!made.startsWith('201')) return made;
  for (const deadline = Date.now() + SIGNED_TIMEOUT_MS; Date.now() < deadline; await sleep(POLL_MS)) {
    const { status } = await peer.object<Csr>({ path: `${CSRS}/${name}` });
    if (status.certificate) return { certificate: Buffer.from(status.certificate, 'base64').toString() };
    const denied = status.conditions?.find(({ type }) => type !== 'Approved');
    if (denied) return `denied: ${denied.message}`;
  }
  return 'never signed';
}

interface Csr {
  status: { certificate?: string; conditions?: { type: string; message: string }[] };
}

async function writeConfiguration(cluster: Cluster, node: { id: string; ip: string }): Promise<string> {
  const own = join(cluster.directory, node.id);
  await mkdir(own);
  const file = join(own, 'worker-config.yaml');
  await writeFile(file, stringify(workerConfiguration(cluster, node, join(own, 'data'))));
  return file;
}

async function readToken(file: string): Promise<string> {
  const { users } = parse(await readFile(file, 'utf8')) as { users: { user: { token: string } }[] };
  return users[0]!.user.token;
}
