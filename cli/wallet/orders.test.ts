import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeDeployment } from '@daasvader/chain/deployment.ts';
import { SeatedCluster } from '@daasvader/testbed/cluster/seated-cluster.ts';
import { decodeSuiPrivateKey, type Keypair } from '@mysten/sui/cryptography';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Secp256k1Keypair } from '@mysten/sui/keypairs/secp256k1';
import { Secp256r1Keypair } from '@mysten/sui/keypairs/secp256r1';
import { MultiSigPublicKey } from '@mysten/sui/multisig';
import { afterAll, beforeAll, expect, test } from 'vitest';

const WORDS =
  'result crisp session latin must fruit genuine question prevent start coconut brave speak student dismiss';
const KEYS = [new Ed25519Keypair(), new Secp256k1Keypair(), new Secp256r1Keypair()] as const;
const [ED, K1, R1] = KEYS;
const OF_CLIENT = new Ed25519Keypair();
const OF_PROGRAM = new Secp256k1Keypair();
const MULTISIG = MultiSigPublicKey.fromPublicKeys({
  threshold: 2,
  publicKeys: KEYS.map((key) => ({ publicKey: key.getPublicKey(), weight: 1 })),
});

/** A program that signs with the SDK, as somebody may write one. */
const SIGNER = `#!${process.execPath}
const { Secp256k1Keypair } = await import(${JSON.stringify(import.meta.resolve('@mysten/sui/keypairs/secp256k1'))});
const { readFileSync } = await import('node:fs');
const key = Secp256k1Keypair.fromSecretKey(${JSON.stringify(OF_PROGRAM.getSecretKey())});
const bytes = Buffer.from(readFileSync(0, 'utf8'), 'base64');
const isTransaction = process.env.DAAS_SIGN === 'transaction';
const signed = await (isTransaction ? key.signTransaction(bytes) : key.signPersonalMessage(bytes));
console.log(signed.signature);
`;

let seated: SeatedCluster;
let directory: string;

beforeAll(async () => {
  seated = await SeatedCluster.start();
  await seated.addWorker(seated.devnet.accounts[1]!, 'worker-1');
  directory = await mkdtemp(join(tmpdir(), 'daas-wallets-'));
  await writeDeployment(join(directory, 'deployment.json'), seated.deployment);
  await writeFile(join(directory, 'root.pem'), seated.controlPlane.rootPem);
  const keystore = await write('sui.keystore', JSON.stringify([flagged(R1, 2), flagged(OF_CLIENT, 0)]));
  const alias = { alias: 'web', public_key_base64: R1.getPublicKey().toSuiPublicKey() };
  await write('sui.aliases', JSON.stringify([alias]));
  const yaml = `keystore:\n  File: ${keystore}\nactive_address: "${OF_CLIENT.toSuiAddress()}"\n`;
  await mkdir(join(directory, 'client'));
  await write('client/client.yaml', yaml);
  for (const [index, key] of KEYS.entries()) await write(`${index}.key`, key.getSecretKey());
  const keys = KEYS.map((key, index) => ({
    publicKey: key.getPublicKey().toSuiPublicKey(),
    weight: 1,
    ...(index > 0 && { wallet: `${index}.key` }),
  }));
  await write('multisig.json', JSON.stringify({ multisig: { threshold: 2, keys } }));
  await chmod(await write('signer.mjs', SIGNER), 0o700);
});

afterAll(async () => {
  await seated.close();
  await rm(directory, { recursive: true });
});

async function write(name: string, text: string): Promise<string> {
  await writeFile(join(directory, name), text, { mode: 0o600 });
  return join(directory, name);
}

function flagged(key: Keypair, flag: number): string {
  return Buffer.from([flag, ...decodeSuiPrivateKey(key.getSecretKey()).secretKey]).toString('base64');
}

/** Runs a command with these options of a wallet, on a terminal where `words` are typed when it asks for them. */
async function daas(args: string[], words?: string): Promise<string> {
  const env = {
    PATH: process.env.PATH,
    DAAS_DEPLOYMENT: join(directory, 'deployment.json'),
    DAAS_ROOT: join(directory, 'root.pem'),
    SUI_CONFIG_DIR: join(directory, 'client'),
  };
  const command = [process.execPath, join(import.meta.dirname, '../main.ts'), ...args];
  const quoted = command.map((each) => `'${each.replaceAll("'", `'\\''`)}'`).join(' ');
  const [program, ...rest] = words === undefined ? command : ['script', '-qec', quoted, '/dev/null'];
  const child = spawn(program as string, rest, { env, cwd: directory });
  const output = await outputOf(child, words);
  expect({ exitCode: child.exitCode, output }).toEqual({ exitCode: 0, output: expect.any(String) });
  return output;
}

function outputOf(child: ChildProcess, words: string | undefined): Promise<string> {
  let output = '';
  let wasAsked = false;
  const take = (chunk: Buffer) => {
    output += chunk;
    if (wasAsked || words === undefined || !output.includes('not shown')) return;
    wasAsked = true;
    child.stdin?.write(`${words}\r`);
  };
  child.stdout?.on('data', take);
  child.stderr?.on('data', take);
  return new Promise((resolve) => child.on('close', () => resolve(output)));
}

test.each([
  ['a key of Ed25519', ['--wallet', '0.key'], ED.toSuiAddress()],
  ['a key of secp256k1', ['--wallet', '1.key'], K1.toSuiAddress()],
  [
    'a key of secp256r1, by its alias',
    ['--wallet', 'sui.keystore', '--wallet-alias', 'web'],
    R1.toSuiAddress(),
  ],
  ['the active address of sui client', [], OF_CLIENT.toSuiAddress()],
  ['a multisig', ['--wallet', 'multisig.json'], MULTISIG.toSuiAddress()],
  [
    'a program',
    ['--sign-with', './signer.mjs', '--wallet-address', OF_PROGRAM.toSuiAddress()],
    OF_PROGRAM.toSuiAddress(),
  ],
  ['a mnemonic', ['--wallet-mnemonic'], Ed25519Keypair.deriveKeypair(WORDS).toSuiAddress(), WORDS],
])('%s stakes, orders and proves its address', async (_kind, wallet, address, words?: string) => {
  await seated.devnet.faucet(address);
  await daas(['stake', '2', ...wallet], words);
  const ordered = await daas(
    ['deploy', 'web', '--image', 'web:1', '--no-service', '--json', ...wallet],
    words,
  );
  const { requests } = JSON.parse(/^\{.*\}\s*$/m.exec(ordered)?.[0] ?? '');
  expect(requests).toMatchObject([{ status: 'PENDING' }]);
  const api = ['--api', seated.controlPlane.url, '--out', join(directory, address)];
  expect(await daas(['kubeconfig', ...api, ...wallet], words)).toContain(`${address}: developer in u-test`);
});
