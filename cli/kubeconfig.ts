import { generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { checkCa } from '@daasvader/verifier/checks.ts';
import { credentialMessage } from '@daasvader/verifier/credential-message.ts';
import { VerifierError } from '@daasvader/verifier/error.ts';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import { userOf } from '@daasvader/verifier/user.ts';
import type { VerifiedControlPlane } from '@daasvader/verifier/verify.ts';
import type { Signer } from '@mysten/sui/cryptography';
import type { Command } from 'commander';
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
import { KUBECONFIG_MARK, keepOthers, writeKubeconfig } from './kubeconfig-file.ts';
import { printJson, printLine } from './output.ts';
import { tell, verifiedControlPlane } from './verified-control-plane.ts';
import { openWallet } from './wallet/open.ts';

/** kubectl reads YAML 1.1, where a bare `no` or `1e3`, both good names of a namespace, are no text. */
const QUOTED = { defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' } as const;

const answer = z.object({
  api_server: z.url({ protocol: /^https$/ }),
  ca_cert: z.base64(),
  certificate: z.string(),
  expires_at_ms: z.int(),
  namespace: z.string(),
  namespaces: z.array(z.string()),
  role: z.string(),
});

type Answer = z.output<typeof answer>;

interface KubeconfigOptions extends DeploymentOptions, WalletOptions, ApiOptions {
  out: string;
  json?: boolean;
}

/** `daas kubeconfig`: a client certificate of minutes for the role that the wallet has staked for. */
export function kubeconfigCommand(command: Command): void {
  withJson(withApi(withWallet(withDeployment(command))))
    .option(
      '--out <file>',
      'where to write it, for you alone to read; a file that others wrote is left alone',
      './kubeconfig',
    )
    .action(grantKubeconfig);
}

async function grantKubeconfig(options: KubeconfigOptions): Promise<void> {
  const wallet = await openWallet(options);
  await keepOthers(options.out);
  const controlPlane = await verifiedControlPlane(await openContext(options), options);
  try {
    const granted = await requestCredential(controlPlane, wallet);
    await keepOthers(options.out); // it may have been written meanwhile
    await writeKubeconfig(options.out, KUBECONFIG_MARK + stringify(granted.kubeconfig, QUOTED));
    report(granted, options);
  } finally {
    await controlPlane.endpoint.close();
  }
}

interface Granted {
  /** Complete: with the private key that was made here. */
  kubeconfig: object;
  expiresAtMs: number;
  namespaces: string[];
  role: string;
}

async function requestCredential(controlPlane: VerifiedControlPlane, wallet: Signer): Promise<Granted> {
  const { endpoint, cluster } = controlPlane;
  const address = wallet.toSuiAddress();
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const claim = { address, publicKey: pointOf(publicKey), timestampMs: Date.now() };
  const { signature } = await wallet.signPersonalMessage(credentialMessage(cluster.clusterId, claim));
  const body = { address, public_key: claim.publicKey, timestamp_ms: claim.timestampMs, signature };
  const granted = read(answer, await endpoint.request('POST', ROUTE.kubeconfig, { body }), endpoint.url);
  const certificate = readCertificate(granted.certificate, address, privateKey);
  const kubeconfig = assemble({ ...granted, certificate }, controlPlane, userOf(address), privateKey);
  const { expires_at_ms: expiresAtMs, namespaces, role } = granted;
  return { kubeconfig, expiresAtMs, namespaces, role };
}

/** The uncompressed point, in hex, that ends a SubjectPublicKeyInfo. */
function pointOf(publicKey: KeyObject): string {
  return publicKey.export({ type: 'spki', format: 'der' }).subarray(-65).toString('hex');
}

/** Reads the certificate, which must be for our user and key. */
function readCertificate(pem: string, address: string, privateKey: KeyObject): string {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem);
  } catch (cause) {
    throw new VerifierError('malformed', 'Cannot read the certificate that was issued', { cause });
  }
  if (certificate.subject !== `CN=${userOf(address)}` || !certificate.checkPrivateKey(privateKey))
    throw new VerifierError('malformed', 'Cannot use the certificate: it is not for our user and key');
  return certificate.toString();
}

/** Written anew from what was checked: kubectl reads nothing that somebody else wrote as a whole. */
function assemble(
  { api_server: server, ca_cert, certificate, namespace }: Answer,
  { binding }: VerifiedControlPlane,
  user: string,
  privateKey: KeyObject,
): object {
  // kubectl will believe whoever this CA vouches for, so it must be the attested one, alone.
  const ca = checkCa(Buffer.from(ca_cert, 'base64').toString('utf8'), binding, tell);
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
  const credential = {
    'client-certificate-data': base64(certificate),
    'client-key-data': base64(key),
  };
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'daasvader', cluster: { server, 'certificate-authority-data': base64(ca) } }],
    users: [{ name: user, user: credential }],
    contexts: [{ name: 'daasvader', context: { cluster: 'daasvader', user, namespace } }],
    'current-context': 'daasvader',
  };
}

function base64(text: string | Buffer): string {
  return Buffer.from(text).toString('base64');
}

function read<T>(schema: z.ZodType<T>, value: unknown, url: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const reason = z.prettifyError(parsed.error);
  throw new VerifierError('malformed', `Cannot read the credential of ${url}: ${reason}`);
}

function report({ role, namespaces, expiresAtMs }: Granted, { out, json }: KubeconfigOptions): void {
  const expires = new Date(expiresAtMs).toISOString();
  if (json) printJson({ file: out, role, namespaces, expiresAtMs });
  else printLine(`${out}: ${role} in ${namespaces.join(', ')} until ${expires}`);
}
