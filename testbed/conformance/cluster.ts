import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Cluster } from '../cluster/cluster.ts';
import type { Narrator } from '../cluster/narrator.ts';
import { joinWorker, startCluster } from '../cluster/steps.ts';
import { packImages } from '../vm/image-archive.ts';
import { Registry } from '../vm/registry.ts';
import { buildSuiteImages } from './images.ts';

/** What the suite needs: some of its specs have pods on one node and look at them from another. */
const WORKERS = 2;
/** Where the suite's images are from. */
const MIRRORED = 'registry.k8s.io';

/**
 * Builds the suite and the programs in its images, or finds them built.
 *
 * @returns the directory that holds them
 */
export async function buildSuite(signal: AbortSignal): Promise<string> {
  const { stdout } = await promisify(execFile)(join(import.meta.dirname, 'build'), { signal });
  return stdout.trim();
}

/** Starts everything, with two workers that have the suite's images, and a mirror for what is to be pulled all the same. */
export async function startSuiteCluster(
  cluster: Cluster,
  programs: string,
  narrator: Narrator,
): Promise<void> {
  const images = await buildSuiteImages(programs);
  const archive = packImages(images);
  await startCluster(cluster, narrator);
  const registry = await Registry.start(images, cluster.addresses.gateway);
  cluster.defer(() => registry[Symbol.asyncDispose]());
  for (let number = 1; number <= WORKERS; number++) {
    const worker = await joinWorker(cluster, narrator, number);
    await worker.importImage(archive);
    await worker.mirror(MIRRORED, registry.url);
  }
}
