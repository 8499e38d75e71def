/**
 * How long it takes until a pod on a machine that joins answers a pod on another one, through a Service: from starting the
 * worker agent, and from ordering the pod; by what is between the two machines.
 */

import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Cluster } from '@daasvader/testbed/cluster/cluster.ts';
import { ClusterDirectory } from '@daasvader/testbed/cluster/directory.ts';
import { findK3s } from '@daasvader/testbed/cluster/k3s.ts';
import { Narrator } from '@daasvader/testbed/cluster/narrator.ts';
import { joinWorker, startCluster } from '@daasvader/testbed/cluster/steps.ts';
import { User } from '@daasvader/testbed/cluster/user.ts';
import { Worker } from '@daasvader/testbed/cluster/worker.ts';
import { PodNetwork } from '@daasvader/testbed/pod/network.ts';
import { buildWebImage, WEB_PORT } from '@daasvader/testbed/vm/image.ts';
import type { Place } from '@daasvader/testbed/vm/place.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';

const IMAGE = 'docker.io/library/bench:1';
const TIMEOUT_MS = 120_000;
const POLL_MS = 50;
/** Where the machines stand that join; the one that asks is behind NAT itself, and the first one has a public address. */
const PLACES: readonly Place[] = [{ nat: 'none' }, { nat: 'cone' }, { nat: 'symmetric' }];
const run = promisify(execFile);

const stop = new AbortController();
process.on('SIGINT', () => stop.abort(new Error('interrupted')));

await using directory = await ClusterDirectory.take({
  what: 'a benchmark',
  toEnd: 'wait for its end, or press Ctrl-C where it runs',
});
await using cluster = await Cluster.create({
  directory: directory.path,
  k3s: await findK3s(stop.signal),
  signal: stop.signal,
});
const silent = new Narrator(() => {});
await startCluster(cluster, silent);
await joinWorker(cluster, silent, 1, { nat: 'none' });
const asking = await joinWorker(cluster, silent, 2, { nat: 'cone' });
const image = await buildWebImage({ reference: IMAGE, page: 'bench\n' });
await asking.importImage(image);
const user = await User.create(cluster, 'bench');
await user.daas('stake', '10');
await user.untilRole();
await user.login(); // which opens its first namespace
const namespace = namespaceOf(user.address);

process.stdout.write(`${cpus().length} × ${cpus()[0]?.model}\n`);
process.stdout.write('a pod behind a cone NAT asks one on a machine that has just joined, ms\n');
const network = await startAsking();
for (const [index, place] of PLACES.entries()) await measure(3 + index, place);

/** Has one machine join, on which a pod is to run already, and then another pod. */
async function measure(number: number, place: Place): Promise<void> {
  const worker = await Worker.boot(cluster, `worker-${number}`, number, place);
  await worker.keygen();
  await worker.agent('register');
  const first = await expectAnswer(`first-${number}`);
  await order(`first-${number}`, number);
  const startedAt = Date.now();
  await worker.start();
  await importSoon(worker);
  const joined = (await first()) - startedAt;
  const second = await expectAnswer(`second-${number}`);
  const orderedAt = Date.now();
  await order(`second-${number}`, number);
  const ordered = (await second()) - orderedAt;
  process.stdout.write(
    `${place.nat.padEnd(10)} agent started → first answer ${`${joined}`.padStart(6)}   pod made → first answer ${`${ordered}`.padStart(6)}\n`,
  );
}

/** The network of a pod on the second machine. */
async function startAsking(): Promise<PodNetwork> {
  await order('asking', 2);
  await kubectl('wait', '-n', namespace, '--for=condition=Ready', 'pod/asking', '--timeout=60s');
  const path = 'jsonpath={.status.containerStatuses[0].containerID}';
  return PodNetwork.enter(asking, await kubectl('get', 'pod', '-n', namespace, 'asking', '-o', path));
}

/** Makes a Service for a pod that is to come, and has it asked until it answers. */
async function expectAnswer(name: string): Promise<() => Promise<number>> {
  const spec = { selector: { pod: name }, ports: [{ port: WEB_PORT }] };
  await apply({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec });
  const path = 'jsonpath={.spec.clusterIP}';
  const address = await kubectl('get', 'service', '-n', namespace, name, '-o', path);
  const { ended } = await network.firstAnswer(address, WEB_PORT, TIMEOUT_MS);
  return () => ended;
}

async function order(name: string, worker: number): Promise<void> {
  await apply({
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { pod: name } } },
    spec: {
      nodeSelector: { 'kubernetes.io/hostname': `worker-${worker}` },
      containers: [{ name: 'c', image: IMAGE, resources: { requests: { cpu: '10m', memory: '16Mi' } } }],
    },
  });
}

/** As soon as there is a containerd to give it to. */
async function importSoon(worker: Worker): Promise<void> {
  for (const deadline = Date.now() + TIMEOUT_MS; ; await sleep(POLL_MS)) {
    try {
      return await worker.importImage(image);
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

/** The administrator's, who need not wait for the chain. */
async function kubectl(...args: string[]): Promise<string> {
  const { stdout } = await run(cluster.k3s, ['kubectl', '--kubeconfig', cluster.adminKubeconfig, ...args]);
  return stdout;
}

async function apply(object: object): Promise<void> {
  const file = join(cluster.directory, 'object.json');
  await writeFile(file, JSON.stringify(object));
  await kubectl('apply', '-n', namespace, '-f', file);
}
