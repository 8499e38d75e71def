import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeDeployment } from '@daasvader/chain/deployment.ts';
import { ContractReader } from '@daasvader/chain/objects.ts';
import { publish } from '@daasvader/move/publish.ts';
import { type Devnet, startDevnet } from '@daasvader/testbed/devnet/devnet.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { runDaas } from './program.ts';

/** Longer than it takes stake to leave. */
const DELAY_MS = 8 * 86_400_000;

let devnet: Devnet;
let directory: string;
let deployment: string;
let reader: ContractReader;
/** The namespace of the account that `daas` acts for. */
let namespace: string;
let guest: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daas-role-'));
  devnet = await startDevnet();
  const client = new SuiGrpcClient({ network: 'devnet-local', baseUrl: devnet.url });
  const [admin, owner, other] = devnet.accounts;
  const where = { network: 'devnet-local', rpcUrl: devnet.url };
  deployment = join(directory, 'deployment.json');
  const published = await publish({ client, signer: admin!, ...where, delayMs: BigInt(DELAY_MS) });
  await writeDeployment(deployment, published);
  for (const [name, signer] of Object.entries({ admin: admin!, owner: owner! }))
    await writeFile(join(directory, name), signer.getSecretKey(), { mode: 0o600 });
  reader = new ContractReader(client, published);
  namespace = namespaceOf(owner!.toSuiAddress());
  guest = other!.toSuiAddress();
});

afterEach(() => void vi.restoreAllMocks());

afterAll(async () => {
  await devnet.close();
  await rm(directory, { recursive: true });
});

/** Runs a command of an account in this process and gives what it prints. */
async function daas(account: 'admin' | 'owner', ...args: string[]): Promise<string> {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const places = ['--deployment', deployment, '--wallet', join(directory, account)];
  await runDaas([...args, ...places]);
  return String(write.mock.lastCall?.[0]);
}

test('who is no admin grants nothing', async () => {
  await daas('owner', 'stake', '4.999999999');
  await expect(daas('owner', 'role', 'grant', namespace, guest, 'viewer')).rejects.toMatchObject({
    abort: { module: 'staking', name: 'ENotAdmin' },
  });
});

test('an admin grants a role and takes it back, once', async () => {
  await daas('owner', 'stake', '0.000000001');
  const printed = await daas('owner', 'role', 'grant', namespace, guest, 'developer', '--json');
  expect(JSON.parse(printed)).toMatchObject({ namespace, user: guest, role: 'developer' });
  expect((await reader.staking()).grants.byNamespace.size).toBe('1');
  expect(await daas('owner', 'role', 'revoke', namespace, guest)).toContain(
    `${guest} is none in ${namespace}`,
  );
  expect((await reader.staking()).grants.byNamespace.size).toBe('0');
  await expect(daas('owner', 'role', 'revoke', namespace, guest)).rejects.toMatchObject({
    abort: { module: 'grants', name: 'EUnknownGrant' },
  });
});

test.each(['default', 'kube-system'])('nothing is granted in %s', async (name) => {
  await expect(daas('owner', 'role', 'grant', name, guest, 'viewer')).rejects.toMatchObject({
    abort: { module: 'staking', name: 'EBadNamespace' },
  });
});

test('the admin of the cluster proposes what roles take, and it waits for the delay', async () => {
  await daas('admin', 'admin', 'propose-role-stakes', '1', '4', '6', '20');
  const owner = devnet.accounts[1]!.toSuiAddress();
  expect(await reader.role(owner)).toEqual({ role: 3, stake: 5_000_000_000n });
  devnet.advanceTime(DELAY_MS);
  expect(await reader.role(owner)).toEqual({ role: 2, stake: 5_000_000_000n });
});

test('stakes that are too far from those in effect are refused', async () => {
  const proposal = daas('admin', 'admin', 'propose-role-stakes', '1', '4', '6', '41');
  await expect(proposal).rejects.toMatchObject({ abort: { module: 'role_stakes', name: 'ETooFar' } });
});

test('nobody but the admin proposes what roles take', async () => {
  const proposal = daas('owner', 'admin', 'propose-role-stakes', '1', '4', '6', '20');
  await expect(proposal).rejects.toMatchObject({ code: 'execution' });
});
