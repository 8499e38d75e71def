import { reasonOf } from '@daasvader/program/reason.ts';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { parseUrl } from './arguments.ts';
import { readStream } from './bounded-stream.ts';
import { CliError } from './error.ts';

/** A publisher encodes a blob for a thousand storage nodes and certifies it on chain. */
const TIMEOUT_MS = 120_000;
const MAX_ANSWER_BYTES = 1 << 16;

/** Who stores what fits into no transaction. */
export interface WalrusOptions {
  walrusPublisher?: string;
  walrusEpochs: number;
}

const blobId = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const answer = z.union([
  z.object({ newlyCreated: z.object({ blobObject: z.object({ blobId }) }) }),
  z.object({ alreadyCertified: z.object({ blobId }) }),
]);

/** Adds the options of {@link WalrusOptions}. */
export function withWalrus(command: Command): Command {
  return command
    .addOption(
      new Option('--walrus-publisher <url>', 'stores what fits into no transaction; it is public there too')
        .env('DAAS_WALRUS_PUBLISHER')
        .argParser(parseUrl),
    )
    .addOption(
      new Option('--walrus-epochs <number>', 'for how long: the control plane may need it again')
        .argParser(parseEpochs)
        .default(5),
    );
}

/**
 * Stores a blob on Walrus.
 *
 * @returns its id, 32 bytes
 * @throws CliError `walrus`
 * Source: https://docs.wal.app/usage/web-api.html
 */
export async function storeBlob(publisher: string, epochs: number, bytes: Uint8Array): Promise<Uint8Array> {
  const url = `${publisher.replace(/\/+$/, '')}/v1/blobs?epochs=${epochs}`;
  try {
    const body = new Uint8Array(bytes);
    const response = await fetch(url, { method: 'PUT', body, signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = (await readStream(response.body ?? [], MAX_ANSWER_BYTES)).toString('utf8');
    if (!response.ok) throw new Error(`it answered ${response.status}: ${text.slice(0, 200)}`);
    const parsed = answer.parse(JSON.parse(text));
    const id =
      'newlyCreated' in parsed ? parsed.newlyCreated.blobObject.blobId : parsed.alreadyCertified.blobId;
    return Buffer.from(id, 'base64url');
  } catch (cause) {
    const why =
      cause instanceof z.ZodError || cause instanceof SyntaxError
        ? 'its answer names no blob'
        : cause instanceof RangeError
          ? 'its answer is too long'
          : reasonOf(cause);
    throw new CliError('walrus', `Cannot store ${bytes.length} bytes at ${publisher}: ${why}`, { cause });
  }
}

function parseEpochs(text: string): number {
  if (/^[1-9]\d?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is not a number of epochs, 1 to 99.');
}
