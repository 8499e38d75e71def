import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { VmNetwork } from './network.ts';
import { gatewayOf } from './network.ts';
import { hostChanges, snapshotHost } from './snapshot.ts';
import {
  createWorkerVm,
  findWorkerVm,
  hostPidOf,
  rebootWorkerVm,
  removeAll,
  removeWorkerVm,
  runInVm,
  spawnInVm,
  startVmNetwork,
} from './vm.ts';

let token: string;
let directory: string;
let network: VmNetwork;

beforeEach(() => {
  token = `t${randomBytes(3).toString('hex')}`;
  directory = mkdtempSync(join(tmpdir(), `vmtest-${token}-`));
  network = {
    name: `${token}-net`,
    subnet: `10.${100 + ((randomBytes(1)[0] ?? 0) % 100)}.${randomBytes(1)[0]}.0/24`,
  };
});

afterEach(async () => {
  await removeAll(directory);
  rmSync(directory, { recursive: true, force: true });
});

// Other work on this machine comes and goes; only what carries our name counts.
async function ourChanges(before: Awaited<ReturnType<typeof snapshotHost>>) {
  return hostChanges(before, await snapshotHost()).filter(({ entry }) => entry.includes(token));
}

test('a VM has its own host name, processes, address and directories', async () => {
  await startVmNetwork(network, directory);
  const vm = await createWorkerVm({ name: token, network, number: 1, directory });
  expect((await runInVm(vm, ['hostname'])).trim()).toBe(token);
  expect((await runInVm(vm, ['ls', '/sys/class/net'])).split('\n')).toContain('eth0');
  expect(await runInVm(vm, ['ip', '-4', '-br', 'addr', 'show', 'eth0'])).toContain(vm.address);
  await runInVm(vm, ['touch', '/var/lib/inside', '/run/inside']);
  expect(existsSync('/var/lib/inside')).toBe(false);
  expect(existsSync(join(vm.disk, 'var/lib/inside'))).toBe(true);
  expect(await runInVm(vm, ['cat', '/proc/1/comm'])).toBe('sh\n');
});

test('a VM that is switched off and on has its disk and its address, and nothing that ran or lay in memory', async () => {
  await startVmNetwork(network, directory);
  const vm = await createWorkerVm({ name: token, network, number: 1, directory });
  await runInVm(vm, ['touch', '/var/lib/stays', '/run/goes']);
  const child = await spawnInVm(vm, ['sleep', '600']);
  const ended = once(child, 'exit');
  const again = await rebootWorkerVm(token, directory);
  await ended;
  expect(again).toMatchObject({ name: vm.name, address: vm.address, disk: vm.disk });
  expect(await runInVm(again, ['ip', '-4', '-br', 'addr', 'show', 'eth0'])).toContain(vm.address);
  expect(await runInVm(again, ['ls', '/var/lib'])).toContain('stays');
  expect(await runInVm(again, ['ls', '/run'])).not.toContain('goes');
});

test('no orphan stays a zombie in a VM', async () => {
  await startVmNetwork(network, directory);
  const vm = await createWorkerVm({ name: token, network, number: 1, directory });
  // Each inner shell leaves a child behind; the last lines show that orphans were there, and whose they became.
  const script = `
    for _ in $(seq 50); do (sh -c 'sleep 0.2 &') & done
    wait
    cat /proc/[0-9]*/stat | grep -c '(sleep) [A-Z] 1 '
    sleep 1`;
  expect(Number(await runInVm(vm, ['sh', '-c', script]))).toBeGreaterThan(1);
  await expect
    .poll(async () => await runInVm(vm, ['sh', '-c', `cat /proc/[0-9]*/stat | grep ') Z ' || echo none`]), {
      timeout: 10_000,
    })
    .toBe('none\n');
});

test('a VM reaches services of this machine at the gateway, and nothing beyond', async () => {
  await startVmNetwork(network, directory);
  const server = createServer((_, response) => response.end('hello')).listen(0, gatewayOf(network));
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const vm = await createWorkerVm({ name: token, network, number: 1, directory });
  const script = `fetch('http://${vm.gateway}:${port}').then((r) => r.text()).then((t) => process.stdout.write(t))`;
  expect(await runInVm(vm, [process.execPath, '-e', script])).toBe('hello');
  await expect(
    runInVm(vm, [
      process.execPath,
      '-e',
      `require('net').connect({port:53,host:'192.0.2.9',timeout:300}).on('timeout',()=>process.exit(3))`,
    ]),
  ).rejects.toMatchObject({ code: 'command' });
  server.close();
});

test('removal leaves processes, mounts, links, cgroups and files as they were', async () => {
  const before = await snapshotHost();
  await startVmNetwork(network, directory);
  const vm = await createWorkerVm({ name: token, network, number: 1, directory });
  const child = await spawnInVm(vm, [
    'sh',
    '-c',
    `mount -t tmpfs ${token} /mnt; setsid sleep 1000 & sleep 1000`,
  ]);
  expect(await hostPidOf(child)).toBeGreaterThan(0);
  expect((await ourChanges(before)).map(({ area }) => area)).toEqual(
    expect.arrayContaining(['links', 'cgroups', 'processes']),
  );
  await removeAll(directory);
  expect(await ourChanges(before)).toEqual([]);
  expect(existsSync(directory)).toBe(false);
});

test('a VM outlives its creator, is found by name, and is removed by another process', async () => {
  const before = await snapshotHost();
  const script = `
    const { startVmNetwork, createWorkerVm } = await import('${import.meta.dirname}/vm.ts');
    const network = ${JSON.stringify(network)};
    await startVmNetwork(network, '${directory}');
    await createWorkerVm({ name: '${token}', network, number: 7, directory: '${directory}' });
    process.kill(process.pid, 'SIGKILL');`;
  const creator = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
  await once(creator, 'exit');
  const vm = await findWorkerVm(token, directory);
  expect(vm?.address).toMatch(/^25\..*\.58$/);
  await removeAll(directory);
  expect(await findWorkerVm(token, directory)).toBeUndefined();
  expect(await ourChanges(before)).toEqual([]);
});

test('a creator killed at any moment leaves nothing that removeAll does not find', {
  timeout: 60_000,
}, async () => {
  const before = await snapshotHost();
  const script = `
    const { startVmNetwork, createWorkerVm } = await import('${import.meta.dirname}/vm.ts');
    const network = ${JSON.stringify(network)};
    process.stdout.write('go');
    await startVmNetwork(network, '${directory}');
    await createWorkerVm({ name: '${token}', network, number: 7, directory: '${directory}' });`;
  for (const delay of [0, 25, 60, 100, 150, 250, 400, 600]) {
    const creator = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(creator.stdout, 'data');
    await new Promise((resolve) => setTimeout(resolve, delay));
    creator.kill('SIGKILL');
    if (creator.exitCode === null && creator.signalCode === null) await once(creator, 'exit');
    await removeAll(directory);
    expect(await ourChanges(before)).toEqual([]);
  }
});

test('names that are taken, too long or not labels are refused', async () => {
  await startVmNetwork(network, directory);
  await expect(startVmNetwork(network, directory)).rejects.toMatchObject({ code: 'exists' });
  await createWorkerVm({ name: token, network, number: 1, directory });
  await expect(createWorkerVm({ name: token, network, number: 2, directory })).rejects.toMatchObject({
    code: 'exists',
  });
  expect(await findWorkerVm(token, directory)).toBeDefined();
  for (const name of ['Worker', '../x', 'twelve-chars', '-a', ''])
    await expect(createWorkerVm({ name, network, number: 2, directory })).rejects.toMatchObject({
      code: 'invalid',
    });
  await removeWorkerVm('never-was', directory);
});
