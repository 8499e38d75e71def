import { execFile } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { IMAGE, LiveCluster, silent } from '@daasvader/testbed/cluster/live-cluster.ts';
import { joinWorker, stakeUser } from '@daasvader/testbed/cluster/steps.ts';
import type { User } from '@daasvader/testbed/cluster/user.ts';
import type { Worker } from '@daasvader/testbed/cluster/worker.ts';
import { buildWebImage } from '@daasvader/testbed/vm/image.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';

// A user's StatefulSet on two real workers: what ends its volume, what does not, and what does not fit into it.

const SOON = { timeout: 90_000, interval: 250 };
const WAIT = ['--wait', '120'];
const SIZE_MIB = 64;
const run = promisify(execFile);

let live: LiveCluster;
let workers: Worker[];
let user: User;
let namespace: string;

beforeAll(async () => {
  live = await LiveCluster.start();
  const second = await joinWorker(live.cluster, silent, 2);
  await second.importImage(await buildWebImage({ reference: IMAGE, page: 'still here\n' }));
  workers = [live.worker, second];
  user = await stakeUser(live.cluster, silent);
  namespace = namespaceOf(user.address);
});

afterAll(() => live?.[Symbol.asyncDispose]());

/** The administrator's kubectl, in the user's namespace unless another one is named. */
async function kubectl(...args: string[]): Promise<string> {
  const { k3s, adminKubeconfig } = live.cluster;
  return (await run(k3s, ['kubectl', '--kubeconfig', adminKubeconfig, '-n', namespace, ...args])).stdout;
}

async function write(name: string, ...objects: object[]): Promise<string> {
  const file = join(live.cluster.directory, `${name}.yaml`);
  await writeFile(file, objects.map((each) => JSON.stringify(each)).join('\n---\n'));
  return file;
}

/** Orders objects as the user, and waits until they are ready. */
async function apply(name: string, ...objects: object[]): Promise<string> {
  const file = await write(name, ...objects);
  await user.daas('apply', '-f', file, ...WAIT);
  return file;
}

const podSpec = (volumes?: object[]) => ({
  terminationGracePeriodSeconds: 1,
  containers: [{ name: 'c', image: IMAGE, volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
  ...(volumes && { volumes }),
});

const claim = (name: string, storage: string) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
});

const podOf = (name: string, claimName: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: podSpec([{ name: 'data', persistentVolumeClaim: { claimName } }]),
});

function statefulSet(name: string): object {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name },
    spec: {
      selector: { matchLabels: labels },
      serviceName: name,
      template: { metadata: { labels }, spec: podSpec() },
      volumeClaimTemplates: [claim('data', `${SIZE_MIB}Mi`)],
    },
  };
}

const inPod = (pod: string, script: string) => kubectl('exec', pod, '--', 'sh', '-c', script);
const read = (pod: string) => inPod(pod, 'cat /data/file').catch((error: Error) => error.message);
const field = (what: string, path: string) => kubectl('get', what, '-o', `jsonpath={${path}}`);
const nodeOf = (pod: string) => field(`pod/${pod}`, '.spec.nodeName');

/** The worker that a pod runs on. */
async function workerOf(pod: string): Promise<Worker> {
  const node = await nodeOf(pod);
  return workers.find(({ vm }) => vm.name === node) as Worker;
}

const images = ({ vm }: Worker) => readdir(join(vm.disk, 'var/lib/k3s/agent/volumes'));

async function untilReady(pod: string): Promise<void> {
  await kubectl('wait', '--for=condition=Ready', `pod/${pod}`, '--timeout=90s');
}

/** Deletes a pod and waits for the one that its StatefulSet makes instead. */
async function restart(pod: string): Promise<void> {
  const uid = await field(`pod/${pod}`, '.metadata.uid');
  await kubectl('delete', 'pod', pod);
  await expect.poll(() => field(`pod/${pod}`, '.metadata.uid').catch(() => uid), SOON).not.toBe(uid);
  await untilReady(pod);
}

test('a StatefulSet gets a volume of the size that it asks for, which nothing exceeds', async () => {
  await apply('db', statefulSet('db'));
  await inPod('db-0', 'echo kept > /data/file');
  const full = await inPod('db-0', 'busybox dd if=/dev/zero of=/data/large bs=1M count=1000').catch(
    (error: { stderr: string }) => error.stderr,
  );
  expect(full).toContain('No space left on device');
  const written = Number(await inPod('db-0', 'busybox stat -c %s /data/large'));
  expect(written / 2 ** 20).toBeGreaterThan(SIZE_MIB / 2);
  expect(written / 2 ** 20).toBeLessThanOrEqual(SIZE_MIB);
  await inPod('db-0', 'busybox rm /data/large');
});

test('a pod follows its volume, and two pods have one', async () => {
  const node = await nodeOf('db-0');
  for (let round = 0; round < 3; round += 1) {
    await restart('db-0');
    expect(await nodeOf('db-0')).toBe(node);
    expect(await read('db-0')).toBe('kept\n');
  }
  await apply('reader', podOf('reader', 'data-db-0'));
  await untilReady('reader');
  expect(await nodeOf('reader')).toBe(node);
  await inPod('reader', 'echo changed > /data/file');
  expect(await read('db-0')).toBe('changed\n');
  await kubectl('delete', 'pod', 'reader');
});

test('a pod whose worker is drained waits, says where its volume is, and goes on afterwards', async () => {
  const worker = await workerOf('db-0');
  await worker.agent('drain');
  const said = () =>
    field('pod/db-0', '.status.conditions[?(@.type=="PodScheduled")].message').catch(() => '');
  await expect.poll(said, SOON).toContain(`the volume of claim data-db-0 is on node ${worker.vm.name}`);
  await worker.agent('uncordon');
  await expect.poll(() => read('db-0'), SOON).toBe('changed\n');
  await untilReady('db-0');
});

test('a volume outlives kill -9 of the agent and a power failure of the worker', async () => {
  const worker = await workerOf('db-0');
  await worker.process.crash();
  await worker.start();
  await restart('db-0');
  expect(await read('db-0')).toBe('changed\n');
  await worker.reboot();
  await worker.start();
  await expect.poll(() => read('db-0'), SOON).toBe('changed\n');
});

test('a claim that no node has room for stays, and says why', async () => {
  const pod = podOf('vast', 'vast');
  const spec = {
    ...pod.spec,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: pod.spec.containers.map((each) => ({
      ...each,
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    })),
  };
  const file = await write('vast', claim('vast', '8Ti'), { ...pod, spec }); // more than a user may have
  const elsewhere = ['-n', 'default'];
  await kubectl('apply', '-f', file, ...elsewhere);
  const events = () => kubectl('get', 'events', '-o', 'jsonpath={.items[*].message}', ...elsewhere);
  await expect
    .poll(events, SOON)
    .toMatch(/no volume on node worker-\d: the node has no room for 8388608 MiB/);
  await kubectl('delete', '-f', file, ...elsewhere);
});

test('a volume goes with its claim, and not with its StatefulSet', async () => {
  const worker = await workerOf('db-0');
  const uid = await field('pvc/data-db-0', '.metadata.uid');
  await user.daas('delete', '-f', await write('db', statefulSet('db')), ...WAIT);
  await kubectl('wait', '--for=delete', 'pod/db-0', '--timeout=60s');
  expect(await images(worker)).toEqual([`pvc-${uid}.img`]);
  await user.daas('delete', '-f', await write('claim', claim('data-db-0', `${SIZE_MIB}Mi`)), ...WAIT);
  await expect.poll(() => images(worker), SOON).toEqual([]);
  await expect.poll(() => kubectl('get', 'pv', '-o', 'name'), SOON).toBe('');
});
