import { slashDoubleIdentity } from '@daasvader/chain/calls/anyone.ts';
import { VerifierError } from '@daasvader/verifier/error.ts';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import type { Command } from 'commander';
import { z } from 'zod';
import {
  type ApiOptions,
  type DeploymentOptions,
  openContext,
  type WalletOptions,
  withApi,
  withDeployment,
  withJson,
  withWallet,
} from './context.ts';
import { CliError } from './error.ts';
import { readJson } from './file.ts';
import { printJson, printLine } from './output.ts';
import { send } from './send.ts';
import { verifiedControlPlane } from './verified-control-plane.ts';

const digest = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lowercase hex digits');
const signature = z.string().regex(/^[0-9a-f]{128}$/, 'must be 128 lowercase hex digits');
const proof = z.object({
  nodeId: z.string().min(1),
  counter: z.string().regex(/^\d{1,19}$/, 'must be a whole number as text'),
  first: digest,
  firstSignature: signature,
  second: digest,
  secondSignature: signature,
});
const answer = z.object({ proofs: z.array(proof) });

type Proof = z.output<typeof proof>;

interface SlashOptions extends DeploymentOptions, WalletOptions, Partial<ApiOptions> {
  proof?: string;
  json?: boolean;
}

/** `daas slash`: two joins that one worker signed under one counter; the contract judges them. */
export function slashCommand(command: Command): void {
  withJson(withApi(withWallet(withDeployment(command)), false))
    .argument('<node>', 'node id of the worker')
    .option(
      '--proof <file>',
      "the proof as JSON, such as from the control plane's log; else it is asked for at --api",
    )
    .action(slash);
}

async function slash(nodeId: string, options: SlashOptions): Promise<void> {
  const { counter, ...halves } = await findProof(nodeId, options);
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
}

async function findProof(nodeId: string, options: SlashOptions): Promise<Proof> {
  const { proof: file, api, ...rest } = options;
  if (file !== undefined) return readProof(file, nodeId);
  if (api === undefined)
    throw new CliError(
      'file',
      `Cannot slash ${nodeId}: name the proof with --proof, or the control plane with --api`,
    );
  const { endpoint } = await verifiedControlPlane(await openContext(options), { ...rest, api });
  try {
    const parsed = answer.safeParse(await endpoint.request('GET', ROUTE.doubleIdentity));
    if (!parsed.success)
      throw new VerifierError(
        'malformed',
        `Cannot read the proofs of ${endpoint.url}: ${z.prettifyError(parsed.error)}`,
      );
    const found = parsed.data.proofs.find((each) => each.nodeId === nodeId);
    if (found !== undefined) return found;
  } finally {
    await endpoint.close();
  }
  throw new CliError(
    'not_found',
    `Cannot slash ${nodeId}: the control plane saw no two joins under one counter`,
  );
}

async function readProof(file: string, nodeId: string): Promise<Proof> {
  const found = await readJson(file, 'the proof', proof);
  if (found.nodeId === nodeId) return found;
  throw new CliError('file', `Cannot use the proof ${file}: it is against ${found.nodeId}, not ${nodeId}`);
}
