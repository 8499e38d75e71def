import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '@daasvader/testbed/cluster/cluster.ts';
import type { Narrator } from '@daasvader/testbed/cluster/narrator.ts';
import { joinWorker, stakeUser, startCluster } from '@daasvader/testbed/cluster/steps.ts';
import type { RunningPod, User } from '@daasvader/testbed/cluster/user.ts';
import type { Worker } from '@daasvader/testbed/cluster/worker.ts';
import { buildWebImage, WEB_PORT } from '@daasvader/testbed/vm/image.ts';
import { runInVm } from '@daasvader/testbed/vm/vm.ts';
import { bootTimes } from './boot-times.ts';
import { Timeline } from './timeline.ts';

const IMAGE = 'docker.io/library/hello:1';
const APP = 'hello';
const RUN_TIMEOUT_MS = 60_000;
const POLL_MS = 25;
/**
 * Debian's static busybox cannot look up even an address, so Node does what wget would. A packet that is lost before the
 * node has its rules would else be missed for ten seconds.
 */
const FETCH =
  'process.stdout.write(await (await fetch(process.argv[1], { signal: AbortSignal.timeout(1000) })).text())';

/** The whole path: from an empty chain to a page served by a pod on a machine that staked to run it. */
export async function runScenario(cluster: Cluster, narrator: Narrator): Promise<void> {
  await startCluster(cluster, narrator);
  const worker = await joinWorker(cluster, narrator);
  const readyAt = Date.now();
  const user = await stakeUser(cluster, narrator);
  const runningAt = await deploy(cluster, worker, user, narrator);
  if (cluster.image)
    narrator.tell(await bootTimes(cluster, { 'node Ready': readyAt, 'pod Running': runningAt }));
}

/** @returns when the pod ran, ms since 1970 */
async function deploy(cluster: Cluster, worker: Worker, user: User, narrator: Narrator): Promise<number> {
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
    return runningAt;
  });
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
