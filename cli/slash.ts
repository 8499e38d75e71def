import { slashDoubleIdentity } from '@daasvader/chain/calls/anyone.ts';
import type { Command } from 'commander';
import { z } from 'zod';
import {
  type DeploymentOptions,
  type WalletOptions,
  withDeployment,
  withJson,
  withWallet,
} from './context.ts';
import { CliError } from './error.ts';
import { readText } from './file.ts';
import { printJson, printLine } from './output.ts';
import { send } from './send.ts';

const digest = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lowercase hex digits');
const signature = z.string().regex(/^[0-9a-f]{128}$/, 'must be 128 lowercase hex digits');
const proof = z.object({
  nodeId: z.string().min(1),
  counter: z.string().regex(/^\d{1,20}$/, 'must be a whole number as text'),
  first: digest,
  firstSignature: signature,
  second: digest,
  secondSignature: signature,
});

/** `daas slash`: two joins that one worker signed under one counter, as the control plane tells them. */
export function slashCommand(command: Command): void {
  withJson(withWallet(withDeployment(command)))
    .argument('<file>', 'JSON with nodeId, counter, first, firstSignature, second and secondSignature')
    .action(async (file: string, options: DeploymentOptions & WalletOptions & { json?: boolean }) => {
      const { nodeId, counter, ...halves } = await readProof(file);
      const hex = (text: string) => Buffer.from(text, 'hex');
      const { submitted } = await send(options, (tx, ids) =>
        slashDoubleIdentity(tx, ids, {
          nodeId,
          counter: BigInt(counter),
          first: { digest: hex(halves.first), signature: hex(halves.firstSignature) },
          second: { digest: hex(halves.second), signature: hex(halves.secondSignature) },
        }),
      );
      if (options.json) printJson({ digest: submitted.digest, nodeId });
      else printLine(`slashed ${nodeId} (${submitted.digest})`);
    });
}

async function readProof(file: string): Promise<z.output<typeof proof>> {
  const text = await readText(file, 'the proof');
  try {
    return proof.parse(JSON.parse(text));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message;
    throw new CliError('file', `Cannot use the proof ${file}: ${why}`);
  }
}
