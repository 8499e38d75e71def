import 'reflect-metadata'; // @peculiar/x509 needs it loaded first
import { KeyObject, randomBytes } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import { checkCa } from '@daasvader/control-plane/checks.ts';
import { credentialMessage } from '@daasvader/control-plane/credential-message.ts';
import { ControlPlaneError } from '@daasvader/control-plane/error.ts';
import type { VerifiedControlPlane } from '@daasvader/control-plane/verify.ts';
import type { Signer } from '@mysten/sui/cryptography';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { Command } from 'commander';
import { stringify } from 'yaml';
import { z } from 'zod';
import {
  type ApiOptions,
  type DeploymentOptions,
  openContext,
  type WalletOptions,
  withApi,
  withDeployment,
  withJson,
  withWallet,
} from './context.ts';
import { openControlPlane, tell } from './control-plane.ts';
import { KUBECONFIG_MARK, keepOthers } from './kubeconfig-file.ts';
import { printJson } from './output.ts';
import { readWallet } from './wallet.ts';

const ECDSA_P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

const answer = z.object({
  kubeconfig: z.string(),
  expires_at_ms: z.int(),
  namespaces: z.array(z.string()),
  role: z.string(),
});

const kubeconfig = z.looseObject({
  clusters: z.tuple([
    z.looseObject({ cluster: z.looseObject({ 'certificate-authority-data': z.base64() }) }),
  ]),
  users: z.tuple([z.looseObject({ user: z.looseObject({ 'client-certificate-data': z.base64() }) })]),
});

type Kubeconfig = z.output<typeof kubeconfig>;

interface KubeconfigOptions extends DeploymentOptions, WalletOptions, ApiOptions {
  out: string;
  json?: boolean;
}

/** `daas kubeconfig`: a client certificate of minutes for the role that the wallet has staked for. */
export function kubeconfigCommand(): Command {
  return withJson(withApi(withWallet(withDeployment(new Command('kubeconfig')))))
    .description('verify the control plane, prove your address to it and write a kubeconfig')
    .option(
      '--out <file>',
      'where to write it, for you alone to read; a file that others wrote is left alone',
      './kubeconfig',
    )
    .action(writeKubeconfig);
}

async function writeKubeconfig(options: KubeconfigOptions): Promise<void> {
  const wallet = await readWallet(options.wallet);
  await keepOthers(options.out);
  const controlPlane = await openControlPlane(await openContext(options), options);
  try {
    const granted = await requestCredential(controlPlane, wallet);
    await keepOthers(options.out); // it may have been written meanwhile
    await writePrivate(options.out, KUBECONFIG_MARK + stringify(granted.kubeconfig));
    report(granted, options);
  } finally {
    await controlPlane.endpoint.close();
  }
}

interface Granted {
  /** Complete: with the private key that was made here. */
  kubeconfig: Kubeconfig;
  expiresAtMs: number;
  namespaces: string[];
  role: string;
}

async function requestCredential(controlPlane: VerifiedControlPlane, wallet: Signer): Promise<Granted> {
  const { endpoint, cluster } = controlPlane;
  const address = wallet.toSuiAddress();
  const keys = await crypto.subtle.generateKey(ECDSA_P256, true, ['sign', 'verify']);
  const claim = { address, csr: await certificateRequest(address, keys), timestampMs: Date.now() };
  const { signature } = await wallet.signPersonalMessage(credentialMessage(cluster.clusterId, claim));
  const body = { address, csr: claim.csr, timestamp_ms: claim.timestampMs, signature };
  const granted = read(answer, await endpoint.request('POST', '/api/v1/kubeconfig', { body }), endpoint.url);
  const config = read(kubeconfig, parseJson(granted.kubeconfig), endpoint.url);
  keepBoundCa(config, controlPlane);
  const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' });
  config.users[0].user['client-key-data'] = Buffer.from(key).toString('base64');
  const { expires_at_ms: expiresAtMs, namespaces, role } = granted;
  return { kubeconfig: config, expiresAtMs, namespaces, role };
}

/** Names the user that Kubernetes will know, and nothing else: the control plane refuses anything more. */
async function certificateRequest(address: string, keys: CryptoKeyPair): Promise<string> {
  const name = `CN=sui:${address}`;
  const request = await Pkcs10CertificateRequestGenerator.create({
    name,
    keys,
    signingAlgorithm: ECDSA_P256,
  });
  return request.toString('pem');
}

/** kubectl will believe whoever this CA vouches for, so it must be the attested one, alone. */
function keepBoundCa({ clusters: [{ cluster }] }: Kubeconfig, { binding }: VerifiedControlPlane): void {
  const handedOut = Buffer.from(cluster['certificate-authority-data'], 'base64').toString('utf8');
  const ca = checkCa(handedOut, binding, tell);
  cluster['certificate-authority-data'] = Buffer.from(ca).toString('base64');
}

function read<T>(schema: z.ZodType<T>, value: unknown, url: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const reason = z.prettifyError(parsed.error);
  throw new ControlPlaneError('malformed', `Cannot read the credential of ${url}: ${reason}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ControlPlaneError('malformed', 'Cannot read the kubeconfig: it is not JSON', { cause });
  }
}

/** Writes the file whole or not at all, also when there is one that others may read. */
async function writePrivate(file: string, text: string): Promise<void> {
  const unfinished = `${file}.${randomBytes(4).toString('hex')}`;
  await writeFile(unfinished, text, { mode: 0o600, flag: 'wx' });
  await rename(unfinished, file);
}

function report({ role, namespaces, expiresAtMs }: Granted, { out, json }: KubeconfigOptions): void {
  const expires = new Date(expiresAtMs).toISOString();
  if (json) printJson({ file: out, role, namespaces, expiresAtMs });
  else process.stdout.write(`${out}: ${role} in ${namespaces.join(', ')} until ${expires}\n`);
}
