import { randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UNCHECKED } from '@daasvader/attestation/policy.ts';
import { verifyAttestation } from '@daasvader/attestation/verify.ts';
import { ContractReader } from '@daasvader/chain/objects.ts';
import type { Cluster } from '@daasvader/testbed/cluster/cluster.ts';
import { IMAGE, order, silent } from '@daasvader/testbed/cluster/live-cluster.ts';
import { BOOT_TIMEOUT_MS, NitroCluster, until } from '@daasvader/testbed/cluster/nitro-cluster.ts';
import { joinWorker, stakeUser } from '@daasvader/testbed/cluster/steps.ts';
import { isRunning, type User } from '@daasvader/testbed/cluster/user.ts';
import type { Worker } from '@daasvader/testbed/cluster/worker.ts';
import { buildWebImage } from '@daasvader/testbed/vm/image.ts';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import { HybridHost } from '@daasvader/vsock/hybrid-host.ts';
import { ENCLAVE_PORT, HOST_PORT } from '@daasvader/vsock/ports.ts';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { Agent, fetch } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bootTimes } from '../../demo/boot-times.ts';
import { ATTACKS } from './support/attacks.ts';
import { CONFESSION, confessed, secretsOfUser, secretsOfWorker } from './support/confession.ts';
import { findSecrets, type Secrets } from './support/secrets.ts';
import { buildVariant } from './support/variant.ts';
import { type Meddle, Wiretap } from './support/wiretap.ts';

// Four boots of the image on one cluster, in this order: with one byte of its source changed; with a statement more, which
// prints its keys; as it is, after a power cut; and as it is, with a lying host. What is tested needs what came before.

const SOON_MS = 180_000;
const ANSWER_MS = 20_000;
/** In which the enclave speaks to its host and to the chain at least once. */
const HEARTBEAT_MS = 11_000;
/** What the enclave's process may grow by while it is attacked: its garbage is collected when it likes. */
const GROWTH_BYTES = 256 << 20;
const FLOOD_ROUNDS = 4;
const FLOOD_CONNECTIONS = 200;
const MEASURED = ['PCR0', 'PCR1', 'PCR2'] as const;

let nitro: NitroCluster;
let cluster: Cluster;
let taps: Wiretap[];
let tapOnGuest: Wiretap;
let worker: Worker;
let user: User;

beforeAll(async () => {
  nitro = await NitroCluster.create();
  ({ cluster } = nitro);
  const lastByte = (source: string) => `${source.slice(0, -1)} `;
  const changed = await buildVariant(nitro.path('changed'), { 'enclave/boot/enclave.ts': lastByte });
  await nitro.insert(changed);
  await nitro.startChain();
  await cluster.startControlPlane();
  taps = await Promise.all(
    Object.values(HOST_PORT).map((port) => Wiretap.place(`${nitro.vsock}_${port}`, port)),
  );
});

afterAll(() => nitro?.[Symbol.asyncDispose]());

const boots = { timeout: 2 * BOOT_TIMEOUT_MS };

type Measurements = Record<(typeof MEASURED)[number], string>;

async function measurementsOf(file: string): Promise<Measurements> {
  const measured = JSON.parse(await readFile(file, 'utf8'));
  return Object.fromEntries(MEASURED.map((name) => [name, measured[name]])) as Measurements;
}

function reader(): ContractReader {
  const { deployment } = cluster;
  const client = new SuiGrpcClient({ network: deployment.network, baseUrl: deployment.rpcUrl });
  return new ContractReader(client, deployment);
}

test('one byte of a source changed is another image, and the chain registers it not', boots, async () => {
  const changed = await measurementsOf(nitro.path('changed/measurements.json'));
  const genuine = await measurementsOf(nitro.genuine.measurements);
  expect(changed.PCR1).toBe(genuine.PCR1);
  expect(changed.PCR0).not.toBe(genuine.PCR0);
  expect(changed.PCR2).not.toBe(genuine.PCR2);
  const confessing = await confessingImage();
  await nitro.insert(confessing);
  // ENotMeasured: PCR 0, 1 and 2 are together those of no measurement in effect.
  expect(await nitro.untilEnded()).toContain('enclave_registry aborts with ENotMeasured');
  expect(await leader()).toBeUndefined();
  await admit('confessing', confessing.measurements);
});

/** The enclave that leads. */
async function leader(): Promise<string | undefined> {
  return (await reader().registry()).lease.leader?.enclaveId;
}

function confessingImage() {
  const after = 'const kubernetes = await startKubernetes(k3s, steps);\n';
  const confess = (source: string) => source.replace(after, () => `${after}${CONFESSION}\n`);
  return buildVariant(nitro.path('confessing'), { 'enclave/boot/enclave.ts': confess });
}

/** Proposes an image under a name of its own. */
async function admit(version: string, file: string): Promise<void> {
  const renamed = nitro.path(`${version}.json`);
  await writeFile(renamed, JSON.stringify({ ...(await measurementsOf(file)), version }));
  await admin('propose-measurement', renamed);
}

function admin(...args: string[]): Promise<string> {
  return cluster.daas.run('admin', ...args, '--wallet', nitro.path('admin.key'));
}

test('an admitted image boots, is seated, and runs what is ordered on chain', boots, async () => {
  await nitro.untilPoweredOn(2);
  taps.push(await Wiretap.place(nitro.vsock));
  await cluster.untilReady();
  console.log(await bootTimes(cluster));
  worker = await joinWorker(cluster, silent);
  await worker.importImage(await buildWebImage({ reference: IMAGE, page: 'from the enclave\n' }));
  user = await stakeUser(cluster, silent);
  await user.untilCompleted(await order(user, 'before'), SOON_MS);
  await reaches('before');
});

/** The pod of a Deployment runs, and shows its owner its log and a shell. */
async function reaches(name: string): Promise<void> {
  const pod = await user.untilRunning(name, SOON_MS);
  expect(await user.kubectl('exec', pod.name, '--', 'id')).toMatch(/uid=/);
  await user.kubectl('logs', pod.name);
}

test('no secret of the enclave, a worker or a user crosses the vsock or the chain in clear', async () => {
  const secrets = {
    ...confessed(await nitro.serialConsole()),
    ...(await secretsOfWorker(worker)),
    ...(await secretsOfUser(user)),
  };
  console.log(`looking for ${Object.keys(secrets).join(', ')}`);
  const heard = taps.flatMap((tap) => tap.heard);
  const told = await Promise.all(
    [...(await files('chain')), ...(await files('host/events'))].map((f) => readFile(f)),
  );
  const known = await publicOnes();
  console.log(`in ${sum(heard)} bytes heard and ${sum(told)} bytes on chain`);
  expect(findSecrets(known, heard).sort()).toEqual(Object.keys(known).sort());
  expect(findSecrets(known, told).sort()).toEqual(Object.keys(known).sort());
  expect(findSecrets(secrets, heard)).toEqual([]);
  expect(findSecrets(secrets, told)).toEqual([]);
  for (const tap of taps) tap.recording = false;
});

const sum = (texts: Buffer[]) => texts.reduce((total, { length }) => total + length, 0);

async function files(directory: string): Promise<string[]> {
  const entries = await readdir(nitro.path(directory), { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** What the search must find: nothing of it is secret. */
async function publicOnes(): Promise<Secrets> {
  const { operator } = await reader().enclave((await leader())!);
  return { operator: Buffer.from(operator.slice(2), 'hex'), user: Buffer.from(user.address.slice(2), 'hex') };
}

test(
  'after a power cut in the middle of work all is rebuilt and goes on, and nobody lends a hand',
  boots,
  async () => {
    const before = await deployments();
    await taps.pop()?.remove();
    await nitro.insert(nitro.genuine);
    const { count } = await nitro.powerOns();
    const former = await leader();
    const ids = await order(user, 'during');
    await nitro.cutPower();
    const cut = Date.now();
    const since = () => `${((Date.now() - cut) / 1_000).toFixed(1)} s after the cut`;
    await nitro.untilPoweredOn(count + 1);
    tapOnGuest = await Wiretap.place(nitro.vsock);
    tapOnGuest.recording = false;
    await cluster.untilReady();
    console.log(`workers are let in ${since()}\n${await bootTimes(cluster)}`);
    await user.untilCompleted(ids, BOOT_TIMEOUT_MS);
    await user.login();
    await reaches('during');
    await reaches('before');
    console.log(`all pods run ${since()}`);
    expect(await leader()).not.toBe(former);
    expect(await deployments()).toEqual([...before, 'during'].sort());
    expect(await worker.agent('verify')).toContain('is the control plane in the seat');
    expect((await user.pods('before')).filter(isRunning)).toHaveLength(1);
  },
);

async function deployments(): Promise<string[]> {
  const { items } = JSON.parse(await user.kubectl('get', 'deployments', '-o', 'json')) as {
    items: { metadata: { name: string } }[];
  };
  return items.map(({ metadata }) => metadata.name).sort();
}

test('document, chain, measurements.json and daas image measure name the same image', async () => {
  const genuine = await measurementsOf(nitro.genuine.measurements);
  const measured = JSON.parse(
    await cluster.daas.run('image', 'measure', nitro.path('enclave.eif'), '--json'),
  );
  expect(measured).toMatchObject(genuine);
  const { measurements } = await reader().registry();
  const onChain = measurements.map(({ pcr0, pcr1, pcr2 }) => [pcr0, pcr1, pcr2].map(hexOf));
  expect(onChain).toContainEqual(Object.values(genuine));
  const { document, nonce } = await attestation();
  const root = await readFile(cluster.addresses.rootFile, 'utf8');
  const pcrs = { 0: genuine.PCR0, 1: genuine.PCR1, 2: genuine.PCR2 };
  const policy = { pcrs, nonce, userData: UNCHECKED, publicKey: UNCHECKED } as const;
  const { moduleId } = await verifyAttestation(document, Date.now(), { ...policy, root });
  expect(moduleId).toBe(await nitro.moduleId());
  await expect(verifyAttestation(document, Date.now(), policy)).rejects.toMatchObject({
    code: 'chain_root_untrusted',
  });
});

const hexOf = (bytes: Iterable<number>) => Buffer.from([...bytes]).toString('hex');

async function attestation(): Promise<{ document: Uint8Array; nonce: Uint8Array }> {
  const nonce = randomBytes(32);
  const answer = await api(`${ROUTE.attestation}?nonce=${nonce.toString('hex')}`);
  const { document } = JSON.parse(answer) as { document: string };
  return { document: Buffer.from(document, 'base64'), nonce };
}

/** Asks the enclave's API over a connection of its own. */
async function api(path: string, base = cluster.addresses.apiUrl): Promise<string> {
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
  try {
    const response = await fetch(`${base}${path}`, { dispatcher, signal: AbortSignal.timeout(ANSWER_MS) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} answers ${response.status}: ${text}`);
    return text;
  } finally {
    await dispatcher.destroy();
  }
}

/** How each port of the enclave says that it is well, to anybody. */
const ANSWERS: Readonly<Record<number, () => Promise<string>>> = {
  [ENCLAVE_PORT.kubernetes]: () => api('/healthz', cluster.addresses.kubernetesUrl),
  [ENCLAVE_PORT.api]: () => api(ROUTE.health),
};

/** Does something to what crosses ports, of the host or of the enclave; with undefined, does it no longer. */
function meddle(ports: readonly number[], how: Meddle | undefined): void {
  for (const port of ports) {
    const { meddling } = taps.find((tap) => tap.port === port) ?? tapOnGuest;
    if (how) meddling.set(port, how);
    else meddling.delete(port);
  }
}

async function residentBytes(): Promise<number> {
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(await api(ROUTE.metrics))?.[1]);
}

describe('a host that', () => {
  const inUse: number[] = [HOST_PORT.outbound, HOST_PORT.services, HOST_PORT.console];
  const attacks = Object.keys(ATTACKS).flatMap((attack) =>
    [[ENCLAVE_PORT.kubernetes], [ENCLAVE_PORT.api], inUse].map((ports) => ({ attack, ports })),
  );

  test.each(attacks)('$attack what crosses ports $ports breaks no others', async ({ attack, ports }) => {
    const before = await residentBytes();
    const { count } = await nitro.powerOns();
    const stop = new AbortController();
    meddle(ports, ATTACKS[attack]!(stop.signal));
    for (const [port, answer] of Object.entries(ANSWERS)) {
      const fails = ports.includes(Number(port)) && attack !== 'delays';
      if (fails) await expect(answer()).rejects.toThrow();
      else expect(await answer()).toContain('ok');
    }
    if (ports === inUse) await sleep(HEARTBEAT_MS);
    stop.abort();
    meddle(ports, undefined);
    await cluster.untilReady(SOON_MS);
    for (const answer of Object.values(ANSWERS)) expect(await answer()).toContain('ok');
    expect((await nitro.powerOns()).count).toBe(count);
    expect((await residentBytes()) - before).toBeLessThan(GROWTH_BYTES);
  });

  test('opens hundreds of connections that say nothing or nonsense keeps nobody else out', async () => {
    const before = await residentBytes();
    const host = new HybridHost(`${nitro.vsock}.r`);
    const sockets: Socket[] = [];
    for (let round = 0; round < FLOOD_ROUNDS; round++) {
      const opened = Array.from({ length: FLOOD_CONNECTIONS }, (_, index) =>
        host.connect(index % 2 ? ENCLAVE_PORT.kubernetes : ENCLAVE_PORT.api),
      );
      for (const result of await Promise.allSettled(opened)) {
        if (result.status === 'rejected') continue;
        const socket = result.value.on('error', () => {}).resume();
        if (round % 2) socket.write(randomBytes(16 * 1024));
        sockets.push(socket);
      }
      await Promise.all(Object.values(ANSWERS).map((answer) => answer()));
    }
    const during = await residentBytes();
    console.log(`${sockets.length} connections, ${(during - before) >> 20} MiB more`);
    for (const socket of sockets) socket.destroy();
    expect(during - before).toBeLessThan(GROWTH_BYTES);
    await user.kubectl('get', 'pods');
  });

  test('forges the news of the chain makes them old, and on old news nobody joins', boots, async () => {
    meddle([HOST_PORT.outbound], ATTACKS.corrupts!(new AbortController().signal));
    await until(
      'the news does not become old',
      async () => (await api(ROUTE.readiness).catch(String)).includes('stale') || undefined,
    );
    await expect(worker.agent('verify')).resolves.toContain('is the control plane in the seat');
    await expect(user.login()).rejects.toThrow(/stale|503/);
    meddle([HOST_PORT.outbound], undefined);
    await cluster.untilReady(SOON_MS);
    await user.login();
  });
});

test('a retired image is refused by workers and users, and writes nothing more on chain', boots, async () => {
  // The host keeps it from the enclave, which would end.
  meddle([HOST_PORT.outbound], ATTACKS.corrupts!(new AbortController().signal));
  await admin('retire-measurement', await versionOf(nitro.genuine.measurements));
  const { PCR0 } = await measurementsOf(nitro.genuine.measurements);
  const refusal = new RegExp(`not one that is in effect on chain[^]*${PCR0}`);
  await expect(worker.agent('verify')).rejects.toThrow(refusal);
  await expect(user.login()).rejects.toThrow(/not one that is in effect on chain/);
  meddle([HOST_PORT.outbound], undefined);
  expect(await nitro.untilEnded()).toMatch(/its measurement \S+ was retired/);
  const { stateVersion } = await reader().registry();
  await sleep(2 * HEARTBEAT_MS);
  expect((await reader().registry()).stateVersion).toBe(stateVersion); // which each heartbeat raises
});

async function versionOf(file: string): Promise<string> {
  return JSON.parse(await readFile(file, 'utf8')).version;
}

test('an enclave that its host gave another package ends without having registered', boots, async () => {
  const { packageId } = cluster.deployment;
  const { count } = await nitro.powerOns();
  const former = await leader();
  const other = `0x${'ee'.repeat(32)}`;
  const lying: Meddle = (chunk) => [
    Buffer.from(chunk.toString('latin1').replaceAll(packageId, other), 'latin1'),
  ];
  meddle([HOST_PORT.configuration], lying);
  await tapOnGuest.remove();
  await nitro.cutPower();
  await nitro.untilPoweredOn(count + 1);
  const reason = await nitro.untilEnded();
  console.log(reason);
  expect(reason).toContain('it has another type'); // the registry is of the true package
  expect(await leader()).toBe(former);
});
