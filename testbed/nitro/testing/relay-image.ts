import { execFile } from 'node:child_process';
import { openAsBlob } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { packCpio } from '@daasvader/eif/cpio.ts';
import type { Image } from '@daasvader/eif/image.ts';
import { type Measurements, measure } from '@daasvader/eif/measure.ts';
import { encodeEif } from '@daasvader/eif/write.ts';

const run = promisify(execFile);
const SOURCE = join(import.meta.dirname, 'nsm-relay.c');
const KERNEL_BUILD = resolve(import.meta.dirname, '../../../eif/kernel/build');

/**
 * Makes an image of the enclave's kernel and `nsm-relay.c`, which lets the host talk to the NSM.
 *
 * @param directory where `relay.eif` and what it is made of go
 * @returns the image's path and its PCRs
 */
export async function buildRelayImage(directory: string): Promise<{ path: string; pcrs: Measurements }> {
  const { stdout: kernel } = await run(KERNEL_BUILD);
  const init = join(directory, 'init');
  await run('gcc', ['-O2', '-static', '-o', init, SOURCE]);
  const image: Image = {
    architecture: 'x86_64',
    defaultMemory: 256n << 20n,
    defaultCpus: 1n,
    kernel: await openAsBlob(join(kernel.trim(), 'bzImage')),
    cmdline: 'console=ttyS0 reboot=t panic=-1 pci=off',
    ramdisks: [
      packCpio([{ kind: 'directory', path: 'dev' }]),
      packCpio([{ kind: 'file', path: 'init', content: await openAsBlob(init), executable: true }]),
    ],
  };
  const path = join(directory, 'relay.eif');
  await writeFile(path, (await encodeEif(image)).stream());
  return { path, pcrs: await measure(image) };
}
