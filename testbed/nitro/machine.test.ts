import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ANY } from '@daasvader/attestation/policy.ts';
import type { Identity } from '@daasvader/attestation/testing/pki.ts';
import { verifyAttestation } from '@daasvader/attestation/verify.ts';
import type { Measurements } from '@daasvader/eif/measure.ts';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Machine, type MachineOptions } from './machine.ts';
import { loadRoot, writeIdentity } from './pki.ts';
import { buildPrograms } from './programs.ts';
import { Relay } from './testing/relay.ts';
import { buildRelayImage } from './testing/relay-image.ts';

const HALF_AN_HOUR = 1_800_000;
const ZERO = new Uint8Array(48);
const [nonce, user_data] = [1, 2].map((byte) => new Uint8Array(512).fill(byte)) as [Uint8Array, Uint8Array];
const public_key = new Uint8Array(1024).fill(3);

let directory: string;
let programs: string;
let root: Identity;
let image: string;
let pcrs: Measurements;
let machines: Machine[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daas-emu-'));
  programs = await buildPrograms();
  root = await loadRoot(join(directory, 'root'), Date.now());
  ({ path: image, pcrs } = await buildRelayImage(directory));
}, HALF_AN_HOUR);

afterEach(async () => {
  for (const machine of machines) await machine.stop();
  machines = [];
});

afterAll(() => rm(directory, { recursive: true }));

async function boot(name: string, changes: Partial<MachineOptions> = {}) {
  let console = '';
  const onConsole = (bytes: Buffer) => {
    console += bytes;
  };
  const vsock = join(directory, name);
  const options = { programs, image, root, vsock, memoryMib: 256, cpus: 1, cid: 4, onConsole, ...changes };
  const machine = await Machine.boot(options);
  machines.push(machine);
  return { machine, vsock, console: () => console };
}

/** A machine whose NSM answers. */
async function bootRelay(name: string, changes: Partial<MachineOptions> = {}) {
  const relay = await Relay.listen(join(directory, name));
  const booted = await boot(name, changes);
  const died = booted.machine.exited.then(({ reason }) => {
    throw new Error(`${reason}\n${booted.console()}`);
  });
  const ask = (request: unknown) => Promise.race([relay.ask(request), died]);
  await ask('DescribeNSM');
  died.catch(() => {}); // from here on the tests say what they expect
  return { ...booted, relay, ask };
}

type Ask = (request: unknown) => Promise<{ Attestation: { document: Uint8Array } }>;

async function attest(ask: Ask, fields: object = { nonce, user_data, public_key }): Promise<Uint8Array> {
  return (await ask({ Attestation: fields })).Attestation.document;
}

const extended = (data: Uint8Array | string) => createHash('sha384').update(ZERO).update(data).digest();

describe('a machine', { timeout: 300_000 }, () => {
  test('signs documents about the image that it measured itself', async () => {
    const { machine, ask } = await bootRelay('signs');
    const { PCR0, PCR1, PCR2 } = pcrs;
    const policy = { pcrs: { 0: PCR0, 1: PCR1, 2: PCR2 }, nonce, userData: user_data, publicKey: public_key };
    const document = await attest(ask);
    const verified = await verifyAttestation(document, Date.now(), { ...policy, root: root.certificate });
    expect(verified.moduleId).toBe(machine.moduleId);
    expect(verified.moduleId).toMatch(/^i-[0-9a-f]{17}-enc[0-9a-f]{16}$/);
    expect(verified.cabundle).toHaveLength(4);
    expect(verified.pcrs.size).toBe(16);
    expect(verified.pcrs.get(3)).toEqual(ZERO);
    expect(Buffer.from(verified.pcrs.get(4)!)).toEqual(extended(machine.moduleId.split('-enc')[0]!));

    await expect(verifyAttestation(document, Date.now(), policy)).rejects.toMatchObject({
      code: 'chain_root_untrusted',
    });
    const empty = await verifyAttestation(await attest(ask, {}), Date.now(), {
      ...ANY,
      root: root.certificate,
    });
    expect([empty.nonce, empty.userData, empty.publicKey]).toEqual([null, null, null]);
    expect(empty.timestamp).toBeGreaterThanOrEqual(verified.timestamp);
  });

  test('signs with r and s of full length, whatever the numbers', async () => {
    const { ask } = await bootRelay('padded');
    let document: Uint8Array;
    do document = await attest(ask, {});
    while (document.at(-96) !== 0 && document.at(-48) !== 0);
    await verifyAttestation(document, Date.now(), { ...ANY, root: root.certificate });
  });

  test('lets the enclave extend and lock its own registers and no other', async () => {
    const { ask } = await bootRelay('registers');
    const data = new Uint8Array(32).fill(9);
    expect(await ask({ ExtendPCR: { index: 0, data } })).toEqual({ Error: 'ReadOnlyIndex' });
    expect(await ask({ ExtendPCR: { index: 32, data } })).toEqual({ Error: 'InvalidIndex' });
    expect((await ask({ ExtendPCR: { index: 16, data } })).ExtendPCR.data).toEqual(extended(data));
    const verify = async () =>
      verifyAttestation(await attest(ask), Date.now(), { ...ANY, root: root.certificate });
    expect((await verify()).pcrs.has(16)).toBe(false);
    expect(await ask({ LockPCR: { index: 16 } })).toBe('LockPCR');
    expect(Buffer.from((await verify()).pcrs.get(16)!)).toEqual(extended(data));
    expect(await ask({ ExtendPCR: { index: 16, data } })).toEqual({ Error: 'ReadOnlyIndex' });
  });

  test('refuses requests over 4 KiB and malformed ones, and answers the next', async () => {
    const { ask } = await bootRelay('requests');
    expect(await ask({ Attestation: { user_data: new Uint8Array(4096) } })).toBeUndefined();
    expect(await ask({ Attestation: { user_data: 7 } })).toEqual({ Error: 'InvalidOperation' });
    expect(await ask('Nonsense')).toEqual({ Error: 'InvalidOperation' });
    expect((await ask('GetRandom')).GetRandom.random).toHaveLength(256);
    await attest(ask);
  });

  test('goes on under a renewed certificate, and never answers without one', async () => {
    const { ask, vsock } = await bootRelay('renewed');
    const identity = join(`${vsock}.machine`, 'identity.pem');
    const verify = async () =>
      verifyAttestation(await attest(ask), Date.now(), { ...ANY, root: root.certificate });
    const before = await verify();
    await writeIdentity(identity, root, Date.now());
    expect((await verify()).certificate).not.toEqual(before.certificate);
    await writeFile(identity, 'nothing');
    expect(await ask({ Attestation: {} })).toEqual({ Error: 'InternalError' });
    await writeIdentity(identity, root, Date.now());
    await verify();
  });

  test('in debug mode is refused as such', async () => {
    const { ask } = await bootRelay('debug', { debug: true });
    const policy = { ...ANY, root: root.certificate };
    const document = await attest(ask);
    await expect(verifyAttestation(document, Date.now(), policy)).rejects.toMatchObject({
      code: 'debug_mode',
    });
    const { pcrs } = await verifyAttestation(document, Date.now(), { ...policy, allowDebug: true });
    expect([0, 1, 2].map((index) => pcrs.get(index))).toEqual([ZERO, ZERO, ZERO]);
  });

  test('runs beside another with the same context id, and another enclave id', async () => {
    const [a, b] = await Promise.all([bootRelay('left'), bootRelay('right')]);
    const [left, right] = await Promise.all([a.ask('DescribeNSM'), b.ask('DescribeNSM')]);
    expect(left.DescribeNSM.module_id).toBe(a.machine.moduleId);
    expect(right.DescribeNSM.module_id).toBe(b.machine.moduleId);
    await a.machine.stop();
    await attest(b.ask);
  });

  test('says why it ended, and leaves nothing behind', async () => {
    const [stopped, halted, failed] = await Promise.all(
      ['stopped', 'halted', 'failed'].map((name) => bootRelay(name)),
    );
    const { pid } = children(process.pid).find(({ command }) => command.includes(failed!.vsock))!;
    process.kill(pid, 'SIGKILL');
    await halted!.relay.close();
    await stopped!.machine.stop();
    expect(await stopped!.machine.exited).toMatchObject({ cause: 'stopped' });
    expect(await halted!.machine.exited).toMatchObject({ cause: 'halted' });
    expect(await failed!.machine.exited).toMatchObject({
      cause: 'failed',
      reason: expect.stringContaining('vhost-device-vsock was killed by SIGKILL'),
    });
    expect(halted!.console()).toContain('nsm-relay: the host is gone');
    for (const { vsock } of [stopped!, halted!, failed!])
      expect([existsSync(vsock), existsSync(`${vsock}.machine`)]).toEqual([false, false]);
  });

  test('ends with the process that booted it, and leaves its place to the next', async () => {
    const vsock = join(directory, 'orphan');
    const options = { programs, image, vsock, memoryMib: 256, cpus: 1, cid: 4 };
    const program = `
      import { Machine } from ${JSON.stringify(join(import.meta.dirname, 'machine.ts'))};
      import { loadRoot } from ${JSON.stringify(join(import.meta.dirname, 'pki.ts'))};
      const root = await loadRoot(${JSON.stringify(join(directory, 'root'))}, Date.now());
      await Machine.boot({ ...${JSON.stringify(options)}, root, onConsole: () => {} });
      process.stdout.write('booted');`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(parent.stdout, 'data');
    const orphans = children(parent.pid!);
    expect(orphans).toHaveLength(2);
    parent.kill('SIGKILL');
    await expect.poll(() => orphans.filter(({ pid }) => existsSync(`/proc/${pid}/cwd/.`))).toEqual([]);
    await bootRelay('orphan');
  });
});

describe('boot() refuses', { timeout: 300_000 }, () => {
  test('a path that another machine has, which goes on', async () => {
    const { ask } = await bootRelay('taken');
    await expect(boot('taken')).rejects.toMatchObject({ code: 'in-use' });
    await attest(ask);
  });

  test('a path where something other than a socket is, which stays', async () => {
    await writeFile(join(directory, 'file'), 'precious');
    await expect(boot('file')).rejects.toMatchObject({ code: 'in-use' });
    expect(readFileSync(join(directory, 'file'), 'utf8')).toBe('precious');
  });

  test('missing programs, a missing image, too little memory', async () => {
    const missing = join(directory, 'missing');
    await expect(boot('a', { programs: missing })).rejects.toMatchObject({ code: 'tool-missing' });
    await expect(boot('a', { image: missing })).rejects.toMatchObject({ code: 'image' });
    await expect(boot('a', { memoryMib: 1 })).rejects.toMatchObject({ code: 'memory' });
    expect(existsSync(join(directory, 'a.machine'))).toBe(false);
  });

  test('nothing that QEMU refuses later: the machine says why it failed', async () => {
    const broken = join(directory, 'broken.eif');
    await writeFile(broken, 'not an image');
    const { machine } = await boot('broken', { image: broken });
    expect(await machine.exited).toMatchObject({
      cause: 'failed',
      reason: expect.stringContaining('QEMU exited with 1: '),
    });
  });
});

/** Processes that `parent` started. */
function children(parent: number): { pid: number; command: string }[] {
  const pids = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean);
  return pids.map((pid) => ({ pid: Number(pid), command: readFileSync(`/proc/${pid}/cmdline`, 'utf8') }));
}
