import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { type Command, CommanderError } from 'commander';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { program, runDaas } from './program.ts';

const directory = mkdtempSync(join(tmpdir(), 'daas-usage-'));
const [wallet, open, deployment] = ['wallet', 'open', 'deployment'].map((name) => join(directory, name)) as [
  string,
  string,
  string,
];
const id = `0x${'1'.repeat(64)}`;

beforeAll(() => {
  vi.stubEnv('SUI_CONFIG_DIR', directory); // where there is no sui client
  for (const file of [wallet, open])
    writeFileSync(file, new Ed25519Keypair().getSecretKey(), { mode: 0o600 });
  chmodSync(open, 0o644);
  const packages = { packageId: id, originalPackageId: id };
  const ids = { ...packages, registryId: id, workersId: id, stakingId: id, schedulerId: id, imagesId: id };
  const chain = { network: 'devnet-local', rpcUrl: 'http://127.0.0.1:1', chainId: 'chain' };
  writeFileSync(deployment, JSON.stringify({ ...chain, ...ids, adminCapId: id }), { mode: 0o600 });
});

afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

function everyCommand(command: Command): [string, Command][] {
  return command.commands.flatMap((each): [string, Command][] => [
    [`${command.name()} ${each.name()}`, each],
    ...everyCommand(each),
  ]);
}

const PLACES = ['--deployment', deployment];
const SIGNED = [...PLACES, '--wallet', wallet];

/** Runs `daas` in this process and gives what it throws. */
const failureOf = (...args: string[]) =>
  runDaas(args).then(
    () => undefined,
    (error: unknown) => error,
  );

/** Runs `daas` as a person does. */
function daas(...args: string[]) {
  const main = join(import.meta.dirname, 'main.ts');
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** All commands, loaded. */
const names = (await program([])).commands.map((command) => command.name());
const whole = await program(names);

it.each(everyCommand(whole))('%s has help that says what it does', (_name, command) => {
  expect(command.description()).not.toBe('');
  expect(command.helpInformation()).toContain(command.description().split(/\s/)[0]);
});

it('prints help and exits 0', () => {
  const { status, stdout, stderr } = daas('admin', 'publish', '--help');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain('--delay <ms>');
});

it('exits 2 on wrong usage', () => {
  const { status, stdout, stderr } = daas('stake', '2x', ...SIGNED);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toMatch(/^error: .*Write SUI like 2 or 0\.5/);
});

it('exits 1 when it cannot, and tells a person and a program why', () => {
  const { status, stdout, stderr } = daas('stake', '1', ...PLACES, '--wallet', open, '--json');
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: expect.stringContaining(`chmod 600 ${open} [file]`),
  });
  expect(JSON.parse(stdout)).toMatchObject({ ok: false, code: 'file' });
});

describe('wrong usage', () => {
  it.each([
    [[]],
    [['nope']],
    [['stake', '1', ...SIGNED, '--sign-with', 'true', '--wallet-address', id]],
    [['stake', '1', ...SIGNED, '--wallet-mnemonic']],
    [['stake', '1', ...PLACES, '--wallet-address', '0x12']],
    [['stake', '1', ...SIGNED, '--wallet-address', id, '--wallet-alias', 'a']],
    [['stake', ...SIGNED]],
    [['stake', '-1', ...SIGNED]],
    [['unstake', '1e3', ...SIGNED]],
    [['role', 'grant', 'u-x', id, ...SIGNED]],
    [['role', 'grant', 'u-x', '0x12', 'viewer', ...SIGNED]],
    [['role', 'grant', 'u-x', id, 'super', ...SIGNED]],
    [['role', 'grant', 'u-x', id, 'none', ...SIGNED]],
    [['role', 'revoke', 'u-x', ...SIGNED]],
    [['role', 'revoke', 'u-x', id, 'viewer', ...SIGNED]],
    [['admin', 'propose-role-stakes', '1', '2', '3', ...SIGNED]],
    [['admin', 'propose-role-stakes', '1', '2', '3', '-4', ...SIGNED]],
    [['requests', '7', 'seven', ...PLACES]],
    [['cancel', ...SIGNED]],
    [['cancel', '7', '-8', ...SIGNED]],
    [['cancel', '7', '--wait', 'long', ...SIGNED]],
    [['deploy', 'web', ...SIGNED]],
    [['deploy', 'web', '--image', 'x:1', '--port', '70000', ...SIGNED]],
    [['deploy', 'web', '--image', 'x:1', '--wait', 'long', ...SIGNED]],
    [['deploy', 'web', 'stray', '--image', 'x:1', ...SIGNED]],
    [['admin', 'appoint-host', '0x12', ...SIGNED]],
    [['admin', 'publish', '--network', 'n', '--rpc', 'nonsense', ...SIGNED]],
    [['nodes', '--api', 'http://127.0.0.1:8443', ...PLACES]],
    [['status', '--rpc', 'file:///etc/passwd', ...PLACES]],
    [['wallet', 'create']],
  ])('daas %j', async (args) => {
    const failure = await failureOf(...args);
    expect(failure).toBeInstanceOf(CommanderError);
    expect((failure as CommanderError).exitCode).not.toBe(0);
  });
});

describe('what cannot be done is told with a code', () => {
  const none = join(directory, 'none');
  const api = ['--api', 'https://127.0.0.1:1'];
  it.each([
    ['no wallet and no sui client', ['stake', '1', ...PLACES], '--wallet FILE', 'wallet'],
    ['a program for nobody', ['stake', '1', ...PLACES, '--sign-with', 'true'], '--wallet-address', 'wallet'],
    ['no such wallet', ['stake', '1', ...PLACES, '--wallet', none], 'there is no such file', 'file'],
    ['a wallet that is none', ['wallet', 'address', deployment], 'suiprivkey1', 'file'],
    ['a wallet over another file', ['wallet', 'create', open], 'a file already', 'file'],
    ['measurements that are none', ['admin', 'propose-measurement', deployment, ...SIGNED], 'PCR0', 'file'],
    ['measurements that are no JSON', ['admin', 'propose-measurement', wallet, ...SIGNED], 'JSON', 'file'],
    ['no root', ['nodes', ...PLACES, ...api, '--root', none], 'there is no such file', 'file'],
    ['no deployment', ['status', '--deployment', none], 'none', 'deployment'],
    ['no full node', ['requests', ...PLACES], 'Cannot read from the chain', 'unreachable'],
    ['no full node to cancel', ['cancel', '1', ...SIGNED], 'Cannot read from the chain', 'unreachable'],
    ['no full node, one request', ['requests', '1', ...PLACES], 'Cannot read from the chain', 'unreachable'],
  ])('%s', async (_name, args, message, code) => {
    expect(await failureOf(...args)).toMatchObject({ code, message: expect.stringContaining(message) });
  });
});
