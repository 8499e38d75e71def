import { createPrivateKey } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Image } from '@daasvader/eif/image.ts';
import { measure, sign } from '@daasvader/eif/measure.ts';
import type { SigningKey } from '@daasvader/eif/signature.ts';
import { encodeEif } from '@daasvader/eif/write.ts';
import { applicationFiles, bootFiles } from '../rootfs/rootfs.ts';
import { replaceFile, sha256 } from './file.ts';
import {
  assertPinnedNode,
  buildInputs,
  describeCommit,
  hashInputs,
  type Inputs,
  NODE,
  ROOT,
} from './inputs.ts';
import { type Layer, makeLayer } from './layer.ts';

// Builds the enclave image and says what is in it: DIR/daasvader.eif and DIR/measurements.json.
// Everything expensive is found in the cache outside the clone when its inputs have not changed.

const USAGE =
  'Usage: bin/node eif/image/build.ts [--output DIR] [--signing-certificate FILE --private-key FILE]';

/**
 * A crash ends the machine at once, by a triple fault: where there is no keyboard controller to reset it by, the kernel
 * would jump into the firmware and start over on the same registers. The processor's random numbers count until the
 * security module's are asked: it is trusted anyway. The hypervisor appends its devices.
 */
const CMDLINE = 'reboot=t panic=-1 console=ttyS0 random.trust_cpu=on quiet';

/** Enough for a small cluster: 4 GiB and two vCPUs. `nitro-cli` and the emulator may say otherwise. */
const DEFAULTS = { architecture: 'x86_64', defaultMemory: 4n << 30n, defaultCpus: 2n } as const;

try {
  await build();
} catch (error) {
  process.stderr.write(`image build: ${(error as Error).message}\n`);
  process.exitCode = 1;
}

async function build(): Promise<void> {
  const { output, signing } = readOptions();
  await assertPinnedNode();
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  const inputs = buildInputs();
  const boot = await makeLayer(await bootFiles({ ...inputs, node: NODE, k3s: join(inputs.k3s, 'k3s') }));
  const application = await makeLayer(await applicationFiles(ROOT));
  const unsigned = await assemble(version, inputs, [boot, application]);
  const image = signing ? await sign(unsigned, await readSigner(signing)) : unsigned;

  const pcrs = await measure(image);
  const eif = await encodeEif(image);
  const measurements = {
    version,
    commit: describeCommit(),
    ...pcrs,
    eif: { size: eif.size, sha256: await sha256(eif) },
    cmdline: CMDLINE,
    inputs: await hashInputs(inputs),
    files: { boot: boot.files, application: application.files },
  };
  await replaceFile(join(output, 'daasvader.eif'), eif);
  await replaceFile(
    join(output, 'measurements.json'),
    new Blob([`${JSON.stringify(measurements, null, 2)}\n`]),
  );
  process.stdout.write(`${JSON.stringify(pcrs, null, 2)}\n`);
}

async function assemble(version: string, { kernel }: Inputs, layers: readonly Layer[]): Promise<Image> {
  return {
    ...DEFAULTS,
    kernel: await openAsBlob(join(kernel, 'bzImage')),
    cmdline: CMDLINE,
    metadata: metadata(version),
    ramdisks: layers.map(({ ramdisk }) => ramdisk),
  };
}

/** In the form of AWS's tool. No time and no commit: they would make a difference where there is none. */
function metadata(version: string): string {
  return JSON.stringify({
    ImageName: 'daasvader',
    ImageVersion: version,
    BuildMetadata: {
      BuildTime: '1970-01-01T00:00:00+00:00',
      BuildTool: 'daasvader',
      BuildToolVersion: version,
      OperatingSystem: 'daasvader',
      KernelVersion: '6.12',
    },
    DockerInfo: {},
    CustomMetadata: {},
  });
}

interface Signing {
  readonly certificate: string;
  readonly key: string;
}

function readOptions(): { output: string; signing: Signing | undefined } {
  const options = {
    output: { type: 'string', default: join(ROOT, 'build') },
    'signing-certificate': { type: 'string' },
    'private-key': { type: 'string' },
  } as const;
  const { output, 'signing-certificate': certificate, 'private-key': key } = parseArgs({ options }).values;
  if (!certificate !== !key) throw new Error(`Cannot sign: certificate and key go together. ${USAGE}`);
  return { output: resolve(output), signing: certificate && key ? { certificate, key } : undefined };
}

async function readSigner({ certificate, key }: Signing): Promise<SigningKey> {
  try {
    return { certificate: await readFile(certificate, 'utf8'), key: createPrivateKey(await readFile(key)) };
  } catch (cause) {
    throw new Error(`Cannot sign with ${certificate} and ${key}: ${(cause as Error).message}`, { cause });
  }
}
