import { proposeMeasurement, retireMeasurement } from '@daasvader/chain/calls/admin.ts';
import { type Command, Option } from 'commander';
import { z } from 'zod';
import { parseCount } from '../arguments.ts';
import { type SignedOptions, signed } from '../context.ts';
import { readJson } from '../file.ts';
import { sendAsAdmin } from './send.ts';

const pcr = z.string().regex(/^[0-9a-f]{96}$/, 'must be 96 lowercase hex digits');
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lowercase hex digits');
const measurements = z.object({
  version: z.string().min(1),
  PCR0: pcr,
  PCR1: pcr,
  PCR2: pcr,
  /** SHA-256 of what was released, for whoever rebuilds it. */
  releaseDigest: sha256.default('0'.repeat(64)),
});

/** `daas admin propose-measurement`: an image that may become the control plane. */
export function proposeMeasurementCommand(): Command {
  return signed('propose-measurement', 'propose an image; it is admitted when the delay is over')
    .argument('<file>', 'JSON with version, PCR0, PCR1, PCR2 and perhaps releaseDigest, a SHA-256')
    .addOption(
      new Option('--state-format <n>', 'the format of sealed state that it reads')
        .argParser(parseCount)
        .default(1n, '1'),
    )
    .action(async (file: string, options: SignedOptions & { stateFormat: bigint }) => {
      const { version, releaseDigest, ...pcrs } = await readJson(file, 'the measurements', measurements);
      await sendAsAdmin(options, (tx, ids) =>
        proposeMeasurement(tx, ids, {
          version,
          pcr0: Buffer.from(pcrs.PCR0, 'hex'),
          pcr1: Buffer.from(pcrs.PCR1, 'hex'),
          pcr2: Buffer.from(pcrs.PCR2, 'hex'),
          releaseDigest: Buffer.from(releaseDigest, 'hex'),
          stateFormat: options.stateFormat,
        }),
      );
    });
}

/** `daas admin retire-measurement`: ends an image at once. */
export function retireMeasurementCommand(): Command {
  return signed('retire-measurement', 'no longer admit an image; at once')
    .argument('<version>', 'as it was proposed')
    .option('--compromised', 'say that it must not be trusted with state any more', false)
    .action((version: string, options: SignedOptions & { compromised: boolean }) =>
      sendAsAdmin(options, (tx, ids) =>
        retireMeasurement(tx, ids, { version, compromised: options.compromised }),
      ),
    );
}
