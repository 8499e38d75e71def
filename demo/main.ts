import { once } from 'node:events';
import { join } from 'node:path';
import { Cluster } from '@daasvader/testbed/cluster/cluster.ts';
import { ClusterDirectory } from '@daasvader/testbed/cluster/directory.ts';
import { buildImage } from '@daasvader/testbed/cluster/enclave-image.ts';
import { findK3s } from '@daasvader/testbed/cluster/k3s.ts';
import { Narrator } from '@daasvader/testbed/cluster/narrator.ts';
import { runScenario } from './story.ts';

const EXIT_INTERRUPTED = 130; // 128 + SIGINT, as shells have it

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    process.stderr.write(stop.signal.aborted ? '\ndemo: still tearing down\n' : '\ndemo: tearing down\n');
    stop.abort(new Error('interrupted'));
  });
}

try {
  await demo();
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  if (!stop.signal.aborted) process.stderr.write(`\ndemo: ${message}\n`);
  process.exitCode = stop.signal.aborted ? EXIT_INTERRUPTED : 1;
}
process.exit();

async function demo(): Promise<void> {
  const narrator = new Narrator();
  await using directory = await ClusterDirectory.take({
    what: 'the demo',
    toEnd: 'wait for its end, or press Ctrl-C where it runs',
  });
  try {
    const k3s = await findK3s(stop.signal);
    const image = process.argv.includes('--nitro') ? await buildImage(stop.signal) : undefined;
    await using cluster = await Cluster.create({
      directory: directory.path,
      k3s,
      signal: stop.signal,
      ...(image && { image }),
    });
    await runScenario(cluster, narrator);
    if (process.argv.includes('--keep')) await keepUp(cluster, narrator);
    narrator.finish('Done. Tearing down.');
  } catch (error) {
    if (!stop.signal.aborted) process.stderr.write(`\ndemo: the logs are in ${await directory.keepLogs()}\n`);
    throw error;
  }
}

async function keepUp(cluster: Cluster, narrator: Narrator): Promise<void> {
  narrator.finish('Everything is up. Look around from another terminal:');
  for (const [name, value] of Object.entries(cluster.daas.env)) narrator.tell(`export ${name}=${value}`);
  narrator.tell(`export DAAS_WALLET=${join(cluster.directory, 'user.key')}`);
  narrator.tell(`export KUBECONFIG=${join(cluster.directory, 'user.kubeconfig')}`);
  narrator.tell('bin/daas status; bin/daas nodes; bin/daas kubeconfig --out $KUBECONFIG');
  narrator.tell(`${cluster.k3s} kubectl get pods`);
  narrator.tell(`logs: ${cluster.directory}/*.log; Ctrl-C here tears it down`);
  await once(stop.signal, 'abort');
}
