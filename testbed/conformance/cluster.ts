import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Cluster } from '../cluster/cluster.ts';
import type { Narrator } from '../cluster/narrator.ts';
import { joinWorker, startCluster } from '../cluster/steps.ts';
import { buildSuiteImages } from './images.ts';

/** What the suite needs: some of its specs have pods on one node and look at them from another. */
const WORKERS = 2;

/**
 * Builds the suite and the programs in its images, or finds them built.
 *
 * @returns the directory that holds them
 */
export async function buildSuite(signal: AbortSignal): Promise<string> {
  const { stdout } = await promisify(execFile)(join(import.meta.dirname, 'build'), { signal });
  return stdout.trim();
}

/** Starts everything, with two workers that have the suite's images. */
export async function startSuiteCluster(
  cluster: Cluster,
  programs: string,
  narrator: Narrator,
): Promise<void> {
  const images = await buildSuiteImages(programs);
  await startCluster(cluster, narrator);
  for (let number = 1; number <= WORKERS; number++)
    await (await joinWorker(cluster, narrator, number)).importImage(images);
}
