import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const ROOT = resolve(import.meta.dirname, '../..');
const BUILD = join(ROOT, 'eif/image/build.ts');

/** An enclave image, and what it measures. */
export interface EnclaveImage {
  /** The EIF. */
  readonly file: string;
  /** JSON with version, PCR0, PCR1 and PCR2. */
  readonly measurements: string;
}

/** Builds the image of this source tree, or finds it built. */
export async function buildImage(signal: AbortSignal): Promise<EnclaveImage> {
  const output = join(ROOT, 'build');
  await promisify(execFile)(process.execPath, [BUILD, '--output', output], { signal });
  return { file: join(output, 'daasvader.eif'), measurements: join(output, 'measurements.json') };
}
