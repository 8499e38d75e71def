import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  gatewayOf,
  internetOf,
  PROVIDER,
  publicRange,
  SERVER_NAME,
  siteOf,
  type VmNetwork,
} from './network.ts';
import type { Place } from './place.ts';
import { LAN } from './router.ts';
import { hostChanges, snapshotHost } from './snapshot.ts';
import {
  changeAddressOf,
  createWorkerVm,
  rebootRouterOf,
  rebootWorkerVm,
  removeAll,
  runInVm,
  startVmNetwork,
  visitsOnInternet,
  visitsOnLan,
  type WorkerVm,
} from './vm.ts';

let token: string;
let directory: string;
let network: VmNetwork;

beforeEach(async () => {
  token = `i${randomBytes(3).toString('hex')}`;
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

async function boot(place: Place, number = 1): Promise<WorkerVm> {
  if (number === 1) await startVmNetwork(network, directory);
  return createWorkerVm({ name: `${token}${number}`, network, number, place, directory });
}

/** Runs a script of Node's in a VM, with `got` to say what came of it. */
function evaluate(vm: WorkerVm, script: string): Promise<string> {
  const prelude = `
    const got = (text) => process.stdout.write(String(text));
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));`;
  return runInVm(vm, [process.execPath, '--input-type=module', '--eval', `${prelude}\n${script}`]);
}

const fetchFrom = (vm: WorkerVm, url: string) =>
  evaluate(vm, `got(await (await fetch('${url}', { signal: AbortSignal.timeout(5_000) })).text())`);

/** What of `count` datagrams of `size` bytes came back from the internet's server, and how long the first one took. */
async function echo(
  vm: WorkerVm,
  { count = 1, size = 100, port = 40_000 } = {},
): Promise<{ came: number; ms: number }> {
  const script = `
    import { createSocket } from 'node:dgram';
    const socket = createSocket('udp4').bind(${port});
    let came = 0, first;
    socket.on('message', () => { came += 1; first ??= Date.now(); });
    await sleep(50);
    const began = Date.now();
    for (let i = 0; i < ${count}; i++) { socket.send(Buffer.alloc(${size}), 7, '${internetOf(network).server}'); await sleep(2); }
    await sleep(500);
    got(JSON.stringify({ came, ms: (first ?? Infinity) - began }));
    socket.close();`;
  return JSON.parse(await evaluate(vm, script));
}

const PLACES = [
  ['with a public address', { nat: 'none' }],
  ['behind a router', { nat: 'cone' }],
  ['behind a router that gives each destination another port', { nat: 'symmetric' }],
] as const;

test.each(PLACES)(
  'a VM %s reaches the internet by name, this machine, and its provider',
  async (_, place) => {
    const vm = await boot(place);
    const site = siteOf(network, 1);
    expect(vm.address).toBe(place.nat === 'none' ? site.first : LAN.vm);
    const page = JSON.parse(await fetchFrom(vm, `http://${SERVER_NAME}/`));
    expect(page.from).toBe(site.first);
    const mine = createServer((request, response) => response.end(request.socket.remoteAddress));
    await once(mine.listen(0, gatewayOf(network)), 'listening');
    expect(await fetchFrom(vm, `http://${vm.gateway}:${(mine.address() as AddressInfo).port}/`)).toBe(
      site.first,
    );
    mine.close();
    await expect(fetchFrom(vm, 'http://8.8.8.8/')).rejects.toThrow(/ENETUNREACH|EHOSTUNREACH/);
    await expect(fetchFrom(vm, 'http://www.example.com/')).rejects.toThrow(/ENOTFOUND/);
    const { neighbour } = place.nat === 'none' ? site : LAN;
    for (const host of [neighbour, ...Object.values(PROVIDER)]) await fetchFrom(vm, `http://${host}/`);
    const [lan, beyond] = [await visitsOnLan(vm.name, directory), await visitsOnInternet(network, directory)];
    const near = place.nat === 'none' ? beyond : lan;
    expect(near.map(({ to }) => to)).toEqual(
      expect.arrayContaining([`${neighbour}:80`, `${PROVIDER.metadata}:80`]),
    );
    expect(beyond.map(({ to }) => to)).toEqual(
      expect.arrayContaining([`${PROVIDER.remote}:80`, `${PROVIDER.carrier}:80`]),
    );
  },
);

test.each([
  ['cone', 1],
  ['symmetric', 2],
] as const)('behind a %s router, one port becomes %d towards two hosts', async (nat, ports) => {
  const vm = await boot({ nat });
  const { server, resolver } = internetOf(network);
  await evaluate(
    vm,
    `import { createSocket } from 'node:dgram';
     const socket = createSocket('udp4').bind(40_000);
     socket.send('a', 7, '${server}'); socket.send('a', 53, '${resolver}');
     await sleep(200); socket.close();`,
  );
  const visits = (await visitsOnInternet(network, directory)).filter(({ to }) => /^25.*:(7|53)$/.test(to));
  expect(visits).toHaveLength(2);
  expect(new Set(visits.map(({ from }) => from)).size).toBe(ports);
});

test('nobody comes in through a router but whom the VM has written to', async () => {
  const inner = await boot({ nat: 'cone' });
  const outer = await boot({ nat: 'none' }, 2);
  const { first } = siteOf(network, 1);
  const listening = evaluate(
    inner,
    `import { createSocket } from 'node:dgram';
     const socket = createSocket('udp4').bind(40_000);
     let heard = '';
     socket.on('message', (_, { address, port }) => (heard += address + ':' + port + ' '));
     socket.send('hello', 7, '${internetOf(network).server}');
     await sleep(1_000);
     socket.send('hello', 40_001, '${outer.address}');
     await sleep(1_500);
     got(heard); socket.close();`,
  );
  await evaluate(
    outer,
    `import { createSocket } from 'node:dgram';
     const [known, unknown] = [createSocket('udp4').bind(40_001), createSocket('udp4').bind(40_002)];
     for (let i = 0; i < 20; i++) {
       for (const socket of [known, unknown]) socket.send('knock', 40_000, '${first}');
       await sleep(100);
     }
     known.close(); unknown.close();`,
  );
  const heard = new Set((await listening).trim().split(' '));
  // Whoever knocks too early takes nothing away from the VM: it has the same port towards that one, and hears it then.
  expect(heard).toEqual(new Set([`${internetOf(network).server}:7`, `${outer.address}:40001`]));
});

test('a router that reboots lets nothing through meanwhile, and has forgotten its connections', async () => {
  const vm = await boot({ nat: 'symmetric' });
  expect((await echo(vm)).came).toBe(1);
  const off = rebootRouterOf(vm.name, 2_000, directory);
  await sleep(500);
  expect((await echo(vm)).came).toBe(0);
  await off;
  expect((await echo(vm)).came).toBe(1);
  const ports = (await visitsOnInternet(network, directory)).map(({ from }) => from);
  expect(new Set(ports).size).toBe(2);
});

test('a router changes its address and back, and a VM that is switched off and on is where it was', async () => {
  const vm = await boot({ nat: 'cone' });
  const { first, second } = siteOf(network, 1);
  const seenAs = async (who: WorkerVm) => JSON.parse(await fetchFrom(who, `http://${SERVER_NAME}/`)).from;
  expect(await seenAs(vm)).toBe(first);
  expect(await changeAddressOf(vm.name, directory)).toBe(second);
  expect(await seenAs(vm)).toBe(second);
  const again = await rebootWorkerVm(vm.name, directory);
  expect(await seenAs(again)).toBe(second);
  expect(await changeAddressOf(vm.name, directory)).toBe(first);
  expect(await seenAs(again)).toBe(first);
});

test('where the MTU is 1280, larger datagrams vanish, and TCP does not notice', async () => {
  const vm = await boot({ nat: 'cone', mtu: 1280 });
  const headers = 28;
  expect((await echo(vm, { size: 1280 - headers })).came).toBe(1);
  expect((await echo(vm, { size: 1281 - headers })).came).toBe(0);
  const length = 2_000_000;
  expect(await fetchFrom(vm, `http://${SERVER_NAME}/bytes/${length}`)).toHaveLength(length);
  const sent = `got(await (await fetch('http://${SERVER_NAME}/', { method: 'POST', body: 'x'.repeat(${length}) })).text())`;
  expect(JSON.parse(await evaluate(vm, sent)).received).toBe(length);
});

test('packets are lost and late as it was said', async () => {
  const vm = await boot({ nat: 'cone', loss: 0.3, delayMs: 80 });
  const { came, ms } = await echo(vm, { count: 200 });
  expect(came).toBeGreaterThan(200 * 0.49 - 40); // each way loses 0.3
  expect(came).toBeLessThan(200 * 0.49 + 40);
  expect(ms).toBeGreaterThanOrEqual(80);
});

test('removal leaves nothing of a router and its hosts, whenever their creator was killed', async () => {
  const before = await snapshotHost();
  const script = `
    const { startVmNetwork, createWorkerVm } = await import('${import.meta.dirname}/vm.ts');
    const network = ${JSON.stringify(network)}, directory = '${directory}';
    process.stdout.write('go');
    await startVmNetwork(network, directory);
    await createWorkerVm({ name: '${token}', network, number: 1, place: { nat: 'cone', delayMs: 5 }, directory });
    process.stdout.write('done');`;
  for (const delay of [100, 250, 400, 600, 800, 1_100, 1_500]) {
    const creator = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(creator.stdout, 'data');
    await sleep(delay);
    creator.kill('SIGKILL');
    if (creator.exitCode === null && creator.signalCode === null) await once(creator, 'exit');
    await removeAll(directory);
    const changes = hostChanges(before, await snapshotHost());
    expect(
      changes.filter(({ entry }) => entry.includes(token) || entry.includes(publicRange(network))),
    ).toEqual([]);
  }
});
