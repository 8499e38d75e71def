import { statfs } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { joinPurpose } from '@daasvader/seal/purposes.ts';
import { open, type SealKey } from '@daasvader/seal/seal.ts';
import { type CheckPassed, checkCa } from '@daasvader/verifier/checks.ts';
import { VerifierError } from '@daasvader/verifier/error.ts';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import type { VerifiedControlPlane } from '@daasvader/verifier/verify.ts';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { WorkerError } from './error.ts';
import type { Identity, SignedJoin } from './identity.ts';
import { writePrivate } from './keys.ts';

const MEBIBYTE = 1024 * 1024;

const counterAnswer = z.object({ counter: z.string().regex(/^\d{1,19}$/) });

const answer = z.object({
  success: z.literal(true),
  kubeconfig: z.base64(),
  ca_cert: z.base64(),
  api_server: z.url(),
});

// Of the kubeconfig that comes sealed only the token is used; the rest is known from the verified side.
const bootstrap = z.object({
  users: z.tuple([z.object({ user: z.object({ token: z.string().regex(/^[a-z0-9]{6}\.[a-z0-9]{16}$/) }) })]),
});

/** Who joins, and as what. */
export interface JoinOptions {
  nodeId: string;
  address: string;
  sealKey: SealKey;
  identity: Identity;
  masterEndpoint: string;
  dataDir: string;
  /** Where the bootstrap credential is written. */
  kubeconfigFile: string;
  report: (passed: CheckPassed) => void;
  /** Told when this worker finds itself behind what the control plane knows of it. */
  warn: (message: string) => void;
}

/**
 * Asks a verified control plane for a bootstrap credential, opens it and writes it for the kubelet.
 * @throws CheckError `ca`; VerifierError `refused`, `unreachable`, `tls_key` or `malformed`; WorkerError `key`
 */
export async function joinCluster(controlPlane: VerifiedControlPlane, options: JoinOptions): Promise<void> {
  const { endpoint, binding, cluster } = controlPlane;
  const granted = await register(controlPlane, options);
  const ca = checkCa(Buffer.from(granted.ca_cert, 'base64').toString('utf8'), binding, options.report);
  const sealed = Buffer.from(granted.kubeconfig, 'base64');
  const token = readToken(await openSealed(sealed, cluster.clusterId, options), endpoint.url);
  await writePrivate(options.kubeconfigFile, kubeconfig(options.masterEndpoint, ca, token));
}

async function register(
  controlPlane: VerifiedControlPlane,
  options: JoinOptions,
): Promise<z.output<typeof answer>> {
  const { endpoint } = controlPlane;
  const body = {
    node_id: options.nodeId,
    seal_token: options.sealKey.publicKey,
    ip_address: options.address,
    capacity: await capacityOf(options.dataDir),
    ...(await sign(controlPlane, options)),
  };
  const parsed = answer.safeParse(
    await endpoint.request('POST', ROUTE.registerWorker, { body, bearer: options.sealKey.publicKey }),
  );
  if (parsed.success) return parsed.data;
  throw new VerifierError(
    'malformed',
    `Cannot read the join answer of ${endpoint.url}: ${z.prettifyError(parsed.error)}`,
  );
}

/** Signs under a greater counter than the control plane and this disk know. */
async function sign(
  { endpoint, binding, cluster }: VerifiedControlPlane,
  { nodeId, address, sealKey, identity, warn }: JoinOptions,
): Promise<SignedJoin> {
  const path = `${ROUTE.joinCounter}?node_id=${encodeURIComponent(nodeId)}`;
  const parsed = counterAnswer.safeParse(await endpoint.request('GET', path));
  if (!parsed.success)
    throw new VerifierError(
      'malformed',
      `Cannot read the join counter of ${endpoint.url}: ${z.prettifyError(parsed.error)}`,
    );
  const accepted = BigInt(parsed.data.counter);
  const used = (await identity.used()) ?? 0n;
  if (used < accepted)
    warn(
      `this worker joined under counter ${accepted}, and this disk knows of ${used} only: it was restored from a backup, ` +
        'or it runs twice, and two copies lose half of the stake; stop the other one',
    );
  const { bootId } = binding;
  const { clusterId } = cluster;
  return identity.sign(
    { clusterId, nodeId, bootId, sealToken: sealKey.publicKey, ipAddress: address },
    accepted,
  );
}

async function openSealed(
  sealed: Uint8Array,
  clusterId: string,
  { nodeId, sealKey }: JoinOptions,
): Promise<string> {
  try {
    const opened = await open(sealKey.privateKey, joinPurpose(clusterId), nodeId, sealed);
    return Buffer.from(opened).toString('utf8');
  } catch (cause) {
    throw new WorkerError('key', 'Cannot open the join credential: it is not sealed to this seal key', {
      cause,
    });
  }
}

function readToken(text: string, url: string): string {
  const parsed = bootstrap.safeParse(parse(text));
  if (parsed.success) return parsed.data.users[0].user.token;
  throw new VerifierError('malformed', `Cannot use the join credential of ${url}: no bootstrap token in it`);
}

function kubeconfig(server: string, caPem: string, token: string): string {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'daasvader',
        cluster: { server, 'certificate-authority-data': Buffer.from(caPem).toString('base64') },
      },
    ],
    users: [{ name: 'bootstrap', user: { token } }],
    contexts: [{ name: 'bootstrap', context: { cluster: 'daasvader', user: 'bootstrap' } }],
    'current-context': 'bootstrap',
  };
  // The kubelet reads YAML 1.1, where a bare token of digits would be a number.
  return stringify(config, { defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' });
}

async function capacityOf(dataDir: string): Promise<{ cpu: string; memory: string; storage: string }> {
  const disk = await statfs(join(dataDir, '.')).catch(() => statfs('/'));
  return {
    cpu: `${cpus().length}`,
    memory: `${Math.floor(totalmem() / MEBIBYTE)}Mi`,
    storage: `${Math.floor((disk.bavail * disk.bsize) / MEBIBYTE)}Mi`,
  };
}
