import { readFile } from 'node:fs/promises';
import type { User } from '@daasvader/testbed/cluster/user.ts';
import type { Worker } from '@daasvader/testbed/cluster/worker.ts';
import { runInVm } from '@daasvader/testbed/vm/vm.ts';
import { parse } from 'yaml';
import { ofPem, ofWallet, type Secrets } from './secrets.ts';

/** Keys of an enclave at the least: of four CAs, of what they have signed, of service accounts and of the API. */
const MIN_PEMS = 9;
const PEM = /-----BEGIN \w* ?PRIVATE KEY-----[\s\S]*?-----END \w* ?PRIVATE KEY-----/g;
const DATA_DIR = '/var/lib/k3s';

/** Prints what is secret in an enclave to the serial console, which a real enclave does not have. */
export const CONFESSION = `  process.stdout.write(\`SECRETS \${JSON.stringify({
    wallet: keys.operator.getSecretKey(),
    hpke: Buffer.from(keys.hpke.privateKey).toString('hex'),
    pem: Object.fromEntries([['api', keys.tls.key], ...process.getBuiltinModule('node:fs').globSync(\`\${k3sDir}/**/*.key\`)
      .map((file) => [file, process.getBuiltinModule('node:fs').readFileSync(file, 'utf8')])]),
  })}\\n\`);`;

interface Confession {
  readonly wallet: string;
  readonly hpke: string;
  readonly pem: Readonly<Record<string, string>>;
}

/** What the last enclave with {@link CONFESSION} has printed. */
export function confessed(serialConsole: string): Secrets {
  const text = [...serialConsole.matchAll(/SECRETS (\{.*\})/g)].at(-1)?.[1];
  if (text === undefined) throw new Error('Cannot tell the secrets: none are on the console');
  const { wallet, hpke, pem } = JSON.parse(text) as Confession;
  const keys = Object.entries(pem).map(([name, key]) => [`enclave ${name}`, ofPem(key)] as const);
  if (keys.length < MIN_PEMS) throw new Error(`Cannot tell the secrets: only ${keys.length} keys are there`);
  return {
    'enclave wallet': ofWallet(wallet),
    'enclave hpke': Buffer.from(hpke, 'hex'),
    ...Object.fromEntries(keys),
  };
}

/** What a worker keeps to itself: its seal and identity keys, the token sealed to it, and its kubelet's keys. */
export async function secretsOfWorker({ vm }: Worker): Promise<Secrets> {
  const read = (file: string) => runInVm(vm, ['cat', file]);
  const kubeconfig = parse(await read(`${DATA_DIR}/worker-agent/bootstrap.kubeconfig`));
  const [, token] = kubeconfig.users[0].user.token.split('.');
  const [sealKey, identityKey] = await Promise.all(
    ['seal.key', 'identity.key'].map((file) => read(`${DATA_DIR}/worker-agent/${file}`)),
  );
  const names = ['-name', '*.pem', '-o', '-name', '*.key'];
  const listed = await runInVm(vm, ['find', `${DATA_DIR}/agent/pki`, ...names]);
  const files = await Promise.all(listed.trim().split('\n').map(read));
  const keys = files.flatMap((text) => text.match(PEM) ?? []);
  if (keys.length === 0) throw new Error('Cannot tell the secrets: the kubelet has no key');
  return {
    'worker bootstrap token': Buffer.from(token),
    'worker seal key': Buffer.from(sealKey!.trim(), 'hex'),
    'worker identity key': Buffer.from(identityKey!.trim(), 'hex'),
    ...Object.fromEntries(keys.map((pem, index) => [`worker kubelet key ${index}`, ofPem(pem)])),
  };
}

/** What a user keeps: the wallet and the key of the kubeconfig. */
export async function secretsOfUser({ kubeconfig, wallet }: User): Promise<Secrets> {
  const { users } = parse(await readFile(kubeconfig, 'utf8'));
  const pem = Buffer.from(users[0].user['client-key-data'], 'base64').toString('utf8');
  return { 'user wallet': ofWallet(await readFile(wallet, 'utf8')), 'user key': ofPem(pem) };
}
