import type { Place } from '../vm/place.ts';
import type { Cluster } from './cluster.ts';
import type { Narrator } from './narrator.ts';
import { User } from './user.ts';
import { Worker } from './worker.ts';

const RUN_TIMEOUT_MS = 60_000;

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

/**
 * A machine that has staked, checked the control plane and is active.
 *
 * @param number of the machine within the network, from 1
 * @param place where in the internet it stands, by its number unless given
 */
export async function joinWorker(
  cluster: Cluster,
  narrator: Narrator,
  number = 1,
  place?: Place,
): Promise<Worker> {
  const who = number === 1 ? 'A provider' : 'Another provider';
  return narrator.step(`${who} stakes, checks the control plane and joins`, async () => {
    const worker = await Worker.boot(cluster, `worker-${number}`, number, place);
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
