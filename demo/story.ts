import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '@daasvader/testbed/cluster/cluster.ts';
import { Narrator } from '@daasvader/testbed/cluster/narrator.ts';
import { joinWorker, stakeUser, startCluster } from '@daasvader/testbed/cluster/steps.ts';
import type { RunningPod, User } from '@daasvader/testbed/cluster/user.ts';
import type { Worker } from '@daasvader/testbed/cluster/worker.ts';
import { buildWebImage, WEB_PORT } from '@daasvader/testbed/vm/image.ts';
import { runInVm } from '@daasvader/testbed/vm/vm.ts';
import { bootTimes } from './boot-times.ts';
import { Timeline } from './timeline.ts';

const IMAGE = 'docker.io/library/hello:1';
const APP = 'hello';
const OTHER_IMAGE = 'docker.io/library/other:1';
const OTHER_APP = 'other';
const RUN_TIMEOUT_MS = 60_000;
const POLL_MS = 25;
/** A packet that is lost before the node has its rules would be missed for ten seconds, if wget did this. */
const FETCH =
  'process.stdout.write(await (await fetch(process.argv[1], { signal: AbortSignal.timeout(1000) })).text())';

/** The whole path: from an empty chain to a page served by a pod on a machine that staked to run it. */
export async function runScenario(cluster: Cluster, narrator: Narrator): Promise<void> {
  await startCluster(cluster, narrator);
  const worker = await joinWorker(cluster, narrator);
  const readyAt = Date.now();
  const user = await stakeUser(cluster, narrator);
  const { pod, runningAt } = await deploy(cluster, worker, user, narrator);
  // It does the same as the first one, once that has the pod: which of two would get it, nobody knows.
  const other = await joinWorker(cluster, new Narrator(() => {}), 2, { nat: 'cone' });
  await meet(cluster, other, user, pod, narrator);
  if (cluster.image)
    narrator.tell(await bootTimes(cluster, { 'node Ready': readyAt, 'pod Running': runningAt }));
}

/** @returns the pod, and when it ran, ms since 1970 */
async function deploy(
  cluster: Cluster,
  worker: Worker,
  user: User,
  narrator: Narrator,
): Promise<{ pod: RunningPod; runningAt: number }> {
  const nonce = randomBytes(8).toString('hex');
  return narrator.step('One contract call, and a pod runs', async () => {
    await worker.importImage(await buildWebImage({ reference: IMAGE, page: `hello, ${nonce}\n` }));
    narrator.command(`bin/daas deploy ${APP} --image ${IMAGE} --port ${WEB_PORT}`);
    const timeline = new Timeline(cluster);
    const ordered = (await user.json('deploy', APP, '--image', IMAGE, '--port', `${WEB_PORT}`)) as {
      requests: { id: string }[];
    };
    const pod = await user.untilRunning(APP, RUN_TIMEOUT_MS);
    const runningAt = timeline.mark('pod Running');
    const page = await fetchPage(worker, user);
    timeline.mark('HTTP 200');
    if (!page.includes(nonce)) throw new Error(`Cannot find the nonce ${nonce} in the page: ${page}`);
    narrator.tell(page);
    await showPod(worker, user, pod, narrator);
    const ids = ordered.requests.map(({ id }) => id);
    await user.untilCompleted(ids, RUN_TIMEOUT_MS);
    narrator.command(`bin/daas requests ${ids.join(' ')}`);
    narrator.tell(await cluster.daas.run('requests', ...ids));
    narrator.tell(await timeline.table(ids[0] ?? ''));
    return { pod, runningAt };
  });
}

/** A pod on a machine behind NAT answers the first one, which asks for it by the name of its Service. */
async function meet(
  cluster: Cluster,
  worker: Worker,
  user: User,
  asking: RunningPod,
  narrator: Narrator,
): Promise<void> {
  const nonce = randomBytes(8).toString('hex');
  const { address, name } = worker.vm;
  return narrator.step('A pod on another machine, behind NAT, answers by its name', async () => {
    narrator.command('bin/daas nodes');
    narrator.tell(await cluster.daas.run('nodes'));
    narrator.tell(`${name} is ${address} behind a router, and nobody reaches it from outside`);
    await worker.importImage(
      await buildWebImage({ reference: OTHER_IMAGE, page: `hello from behind NAT, ${nonce}\n` }),
    );
    const file = join(cluster.directory, `${OTHER_APP}.yaml`);
    const objects = manifests(name).map((object) => JSON.stringify(object));
    await writeFile(file, objects.join('\n---\n'));
    narrator.command(`bin/daas apply -f ${OTHER_APP}.yaml --wait 60`);
    narrator.tell(await user.daas('apply', '-f', file, '--wait', '60'));
    narrator.command(`kubectl exec ${asking.name} -- wget -qO- http://${OTHER_APP}:${WEB_PORT}/`);
    const page = await askByName(user, asking);
    narrator.tell(page);
    if (!page.includes(nonce)) throw new Error(`Cannot find the nonce ${nonce} in the page: ${page}`);
    narrator.command('kubectl get pods -o wide');
    narrator.tell(await user.kubectl('get', 'pods', '-o', 'wide'));
  });
}

/** A Deployment on one node, and its Service. */
function manifests(node: string): object[] {
  const labels = { app: OTHER_APP };
  const pod = {
    nodeSelector: { 'kubernetes.io/hostname': node },
    containers: [{ name: OTHER_APP, image: OTHER_IMAGE }],
  };
  return [
    {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: OTHER_APP } },
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: pod } },
    },
    {
      ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: OTHER_APP } },
      spec: { selector: labels, ports: [{ port: WEB_PORT }] },
    },
  ];
}

/** As a process of the pod; the name and the way there may be known a moment later than the pod runs. */
async function askByName(user: User, { name }: RunningPod): Promise<string> {
  const wget = ['wget', '-qO-', `http://${OTHER_APP}:${WEB_PORT}/`];
  for (const deadline = Date.now() + RUN_TIMEOUT_MS; ; await sleep(POLL_MS)) {
    try {
      return await user.kubectl('exec', name, '--', ...wget);
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

/** Fetches the page through the Service's address, from within the worker's network. */
async function fetchPage(worker: Worker, user: User): Promise<string> {
  const service = JSON.parse(await user.kubectl('get', 'service', APP, '-o', 'json')) as {
    spec: { clusterIP: string };
  };
  const url = `http://${service.spec.clusterIP}:${WEB_PORT}/`;
  for (const deadline = Date.now() + RUN_TIMEOUT_MS; ; await sleep(POLL_MS)) {
    try {
      return await runInVm(worker.vm, [process.execPath, '--input-type=module', '--eval', FETCH, url]);
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

async function showPod(worker: Worker, user: User, pod: RunningPod, narrator: Narrator): Promise<void> {
  const id = pod.containerId.replace('containerd://', '');
  narrator.tell(`node ${pod.node}, pod ${pod.name}, uid ${pod.uid}`);
  narrator.tell(`containerd task: ${await worker.task(id)}`);
  narrator.command(`kubectl logs ${pod.name}`);
  narrator.tell(await user.kubectl('logs', pod.name));
  narrator.command(`kubectl exec ${pod.name} -- id`);
  narrator.tell(await user.kubectl('exec', pod.name, '--', 'id'));
}
