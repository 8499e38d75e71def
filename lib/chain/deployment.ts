import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readBounded } from '@daasvader/program/bounded-file.ts';
import { z } from 'zod';
import { ChainError } from './error.ts';

/** Far above what a deployment holds. */
const MAX_BYTES = 1 << 16;

const id = z.string().regex(/^0x[0-9a-f]{64}$/, 'must be 0x and 64 lowercase hex digits');

const schema = z.strictObject({
  network: z.string().min(1),
  rpcUrl: z.url({ protocol: /^https?$/ }),
  chainId: z.string().min(1),
  packageId: id,
  originalPackageId: id,
  registryId: id,
  workersId: id,
  stakingId: id,
  schedulerId: id,
  imagesId: id,
  adminCapId: id.optional(),
});

/** One cluster on one network: what `deployments/<network>.json` holds. */
export type Deployment = z.infer<typeof schema>;

/** The ids by which the contracts are called; `originalPackageId` is that of their types and events. */
export type ContractIds = Pick<
  Deployment,
  'packageId' | 'originalPackageId' | 'registryId' | 'workersId' | 'stakingId' | 'schedulerId'
>;

/**
 * Reads a deployment file.
 *
 * @throws ChainError `deployment`
 */
export async function readDeployment(file: string): Promise<Deployment> {
  let text: string;
  try {
    text = (await readBounded(file, MAX_BYTES)).toString('utf8');
  } catch (cause) {
    throw new ChainError('deployment', `Cannot read deployment ${file}: publish the contracts first`, {
      cause,
    });
  }
  return parseDeployment(text, file);
}

/**
 * Parses the text of a deployment file.
 *
 * @param origin - where the text is from, for messages
 * @throws ChainError `deployment`
 */
export function parseDeployment(text: string, origin: string): Deployment {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message;
    throw new ChainError('deployment', `Cannot use deployment ${origin}: ${reason}`, { cause });
  }
}

/** Writes a deployment file, whole or not at all. */
export async function writeDeployment(file: string, deployment: Deployment): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const unfinished = `${file}.${process.pid}`;
  await writeFile(unfinished, `${JSON.stringify(schema.parse(deployment), null, 2)}\n`);
  await rename(unfinished, file);
}
