import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { writeDeployment } from '@daasvader/chain/deployment.ts';
import { SeatedCluster } from '@daasvader/testbed/cluster/seated-cluster.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createWallet } from './wallet.ts';

let seated: SeatedCluster;
let directory: string;
/** Says what it was given, and ends as it is told. */
let kubectl: string;

beforeAll(async () => {
  seated = await SeatedCluster.start();
  directory = await mkdtemp(join(tmpdir(), 'daas-kubectl-'));
  await createWallet(join(directory, 'wallet'));
  await writeDeployment(join(directory, 'deployment.json'), seated.deployment);
  await writeFile(join(directory, 'root.pem'), seated.controlPlane.rootPem);
  kubectl = join(directory, 'kubectl');
  const script =
    '#!/bin/sh\ncat "$KUBECONFIG"; stat -c "%a" "$KUBECONFIG"; echo "$KUBECONFIG" "$@"; eval "$END"\n';
  await writeFile(kubectl, script);
  await chmod(kubectl, 0o755);
});

afterAll(async () => {
  await seated.close();
  await rm(directory, { recursive: true, force: true });
});

function start(command: string, args: string[], env: Record<string, string> = {}): ChildProcess {
  const names = ['--deployment', 'deployment.json', '--wallet', 'wallet', '--root', 'root.pem'];
  const all = [
    join(import.meta.dirname, 'main.ts'),
    command,
    ...names,
    '--api',
    seated.controlPlane.url,
    ...args,
  ];
  const own = { PATH: process.env.PATH, HOME: directory, XDG_RUNTIME_DIR: directory, KUBECTL: kubectl };
  return spawn(process.execPath, all, { cwd: directory, env: { ...own, ...env } });
}

async function run(command: string, args: string[], env?: Record<string, string>) {
  const child = start(command, args, env);
  const [stdout, stderr, [exitCode]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, 'exit'),
  ]);
  return { stdout, stderr, exitCode };
}

/** Folders of proxies that were left behind. */
const left = async () => (await readdir(directory)).filter((name) => name.startsWith('daas-proxy-'));

test('kubectl gets a kubeconfig of its own, which goes with it, and its exit code passes through', async () => {
  const { stdout, stderr, exitCode } = await run('kubectl', ['get', 'pods', '--json', '-o', 'wide'], {
    END: 'exit 3',
  });
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 3 });
  const [config = '', mode, called] = stdout.replace('}600', '}\n600').split('\n');
  expect(JSON.parse(config).clusters[0].cluster.server).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
  expect(JSON.parse(config).users[0].user.token).toHaveLength(43);
  expect(mode).toBe('600');
  expect(called).toMatch(/ get pods --json -o wide$/);
  expect(await left()).toEqual([]);
});

test('a signal that ended kubectl is told as a shell tells it', async () => {
  expect(await run('kubectl', ['get'], { END: 'kill -9 $$' })).toMatchObject({ exitCode: 137 });
  expect(await left()).toEqual([]);
});

test.each([
  ['get --context=other', 'which cluster is asked'],
  ['get --token=x', 'which cluster is asked'],
  ['proxy', 'daas proxy'],
  ['-n web --v=1 proxy --port 8001', 'daas proxy'],
])('kubectl %s is not run', async (args, message) => {
  const { stdout, stderr, exitCode } = await run('kubectl', args.split(' '));
  expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 1 });
  expect(stderr).toContain(message);
});

test('what is only called proxy is asked for', async () => {
  expect(await run('kubectl', ['get', 'service', 'proxy'])).toMatchObject({ exitCode: 0 });
});

test('what stands after -- is the command of a pod', async () => {
  const { stdout, exitCode } = await run('kubectl', ['exec', 'web', '--', 'curl', '-s', '--user', 'x']);
  expect({ stdout, exitCode }).toEqual({
    stdout: expect.stringContaining('-- curl -s --user x'),
    exitCode: 0,
  });
});

test('who has no kubectl is told what to do', async () => {
  const { stderr, exitCode } = await run('kubectl', ['get'], { KUBECTL: join(directory, 'none') });
  expect({ stderr, exitCode }).toEqual({ stderr: expect.stringContaining('KUBECTL'), exitCode: 1 });
  expect(await left()).toEqual([]);
});

test.each([[['--yes']], [['--limit', '1']], [['--yes', '--limit', '1x']]])(
  '%j is wrong usage',
  async (args) => {
    expect(await run('kubectl', [...args, 'get'])).toMatchObject({ exitCode: 2 });
    expect(await run('proxy', args)).toMatchObject({ exitCode: 2 });
  },
);

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)('%s ends daas proxy, and no kubeconfig stays behind', async (signal, code) => {
  const child = start('proxy', ['--yes', '--limit', '1']);
  const [line] = await once(child.stdout!.setEncoding('utf8'), 'data');
  const [, file = ''] = /^export KUBECONFIG=(\S+)\n$/.exec(line) ?? [];
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await stat(join(file, '..'))).mode & 0o777).toBe(0o700);
  child.kill(signal);
  expect(await once(child, 'exit')).toEqual([code, null]);
  await expect(access(join(file, '..'))).rejects.toThrow('ENOENT');
});

test('SIGTERM to daas kubectl ends kubectl, and no kubeconfig stays behind', async () => {
  const child = start('kubectl', ['get'], { END: 'exec sleep 60' });
  await once(child.stdout!, 'data');
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([143, null]);
  expect(await left()).toEqual([]);
});
