import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildWebImage, WEB_PORT } from '@daasvader/worker-agent/vm/image.ts';
import { runInVm } from '@daasvader/worker-agent/vm/vm.ts';
import { bootTimes } from './boot-times.ts';
import type { Cluster } from './cluster.ts';
import type { Narrator } from './narrator.ts';
import { Timeline } from './timeline.ts';
import { type RunningPod, User } from './user.ts';
import { Worker } from './worker.ts';

const IMAGE = 'docker.io/library/hello:1';
const APP = 'hello';
const RUN_TIMEOUT_MS = 60_000;
const POLL_MS = 25;
/** Debian's static busybox cannot look up even an address, so Node does what wget would. */
const FETCH = 'process.stdout.write(await (await fetch(process.argv[1])).text())';

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

/** Starts chain and control plane, and waits until workers are let in. */
export async function startCluster(cluster: Cluster, narrator: Narrator): Promise<void> {
  await narrator.step('A chain, the contracts, and an enclave in the seat', async () => {
    await cluster.measure();
    await cluster.startDevnet();
    narrator.tell(`devnet at ${cluster.addresses.rpcUrl}`);
    await cluster.publish();
    narrator.tell(`cluster ${cluster.deployment.registryId}`);
    await cluster.startControlPlane();
    await cluster.untilReady();
    narrator.command('bin/daas status');
    narrator.tell(await cluster.daas.run('status'));
  });
}

/** A machine that has staked, checked the control plane and is active. */
export async function joinWorker(cluster: Cluster, narrator: Narrator): Promise<Worker> {
  return narrator.step('A provider stakes, checks the control plane and joins', async () => {
    const worker = await Worker.boot(cluster, 'worker-1', 1);
    const { sealToken } = await worker.keygen();
    narrator.tell(`seal token ${sealToken}`);
    narrator.command('worker-agent register');
    narrator.tell(await worker.agent('register'));
    narrator.command('worker-agent verify');
    narrator.tell(await worker.agent('verify'));
    const agent = await worker.start();
    await agent.until('the node is not active', RUN_TIMEOUT_MS, async () => {
      const { worker: onChain } = JSON.parse(await worker.agent('status', '--json')) as {
        worker?: { status: string };
      };
      return onChain?.status === 'active' ? true : undefined;
    });
    narrator.command('bin/daas nodes');
    narrator.tell(await cluster.daas.run('nodes'));
    return worker;
  });
}

/** A user with the role developer and a kubeconfig. */
export async function stakeUser(cluster: Cluster, narrator: Narrator): Promise<User> {
  return narrator.step('A user stakes 2 SUI for the role developer', async () => {
    const user = await User.create(cluster, 'user');
    narrator.command('bin/daas stake 2');
    narrator.tell(await user.daas('stake', '2'));
    narrator.command('bin/daas kubeconfig');
    await user.untilRole();
    narrator.tell(await user.login());
    return user;
  });
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
