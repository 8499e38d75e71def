import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeDeployment } from '@daasvader/chain/deployment.ts';
import { publish } from '@daasvader/move/publish.ts';
import { type Devnet, startDevnet } from '@daasvader/testbed/devnet/devnet.ts';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { runDaas } from './program.ts';

let devnet: Devnet;
let directory: string;
let places: string[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daas-stake-'));
  devnet = await startDevnet();
  const client = new SuiGrpcClient({ network: 'devnet-local', baseUrl: devnet.url });
  const [admin, user] = devnet.accounts;
  const where = { network: 'devnet-local', rpcUrl: devnet.url };
  const [deployment, wallet] = [join(directory, 'deployment.json'), join(directory, 'wallet')];
  await writeDeployment(deployment, await publish({ client, signer: admin!, ...where, delayMs: 0n }));
  await writeFile(wallet, user!.getSecretKey(), { mode: 0o600 });
  places = ['--deployment', deployment, '--wallet', wallet, '--json'];
});

afterEach(() => void vi.restoreAllMocks());

afterAll(async () => {
  await devnet.close();
  await rm(directory, { recursive: true });
});

/** Runs a command in this process and gives the line of JSON that it prints. */
async function daas(...args: string[]): Promise<unknown> {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  await runDaas([...args, ...places]);
  return JSON.parse(String(write.mock.lastCall?.[0]));
}

test('stake gives a role, stake again adds to it, unstake takes from it', async () => {
  expect(await daas('stake', '0.5')).toMatchObject({ role: 'viewer', stake: '500000000' });
  expect(await daas('stake', '1.5')).toMatchObject({ role: 'developer', stake: '2000000000' });
  expect(await daas('unstake', '1')).toMatchObject({ role: 'viewer', stake: '1000000000' });
});

test('more than the wallet holds, or has staked, is refused', async () => {
  await expect(daas('stake', '9999999999')).rejects.toMatchObject({ code: 'execution' });
  await expect(daas('unstake', '100')).rejects.toMatchObject({ code: 'abort' });
});

test('what the contract refuses is told by its name', async () => {
  await daas('stake', '2');
  await expect(daas('unstake')).rejects.toMatchObject({ abort: { name: 'EStillUnbonding' } });
  const order = daas('deploy', 'web', '--image', 'registry.example/web:1');
  await expect(order).rejects.toMatchObject({ abort: { name: 'ENoActiveWorker' } });
});
