import {
  dropImageName,
  publishImage,
  removeImage,
  transferImageName,
} from '@daasvader/chain/calls/image-owner.ts';
import type { Deployment } from '@daasvader/chain/deployment.ts';
import { ContractReader } from '@daasvader/chain/objects.ts';
import type { Transaction } from '@mysten/sui/transactions';
import { Command, InvalidArgumentError } from 'commander';
import { parseAddress, parseDigest } from './arguments.ts';
import {
  type DeploymentOptions,
  openContext,
  type SignedOptions,
  signed,
  withDeployment,
  withJson,
} from './context.ts';
import { CliError } from './error.ts';
import { formatTable, printJson, printLine } from './output.ts';
import { send } from './send.ts';

interface Tagged {
  name: string;
  tag: string;
}

/** `daas image-name`: which image a name and a tag mean, on chain. */
export function imageNameCommand(command: Command): void {
  const commands = [show(), publish(), remove(), transfer(), drop()];
  for (const each of commands) command.addCommand(each);
}

function show(): Command {
  return withJson(withDeployment(new Command('show')))
    .description('show the image that a name and a tag mean')
    .argument('<name:tag>', '', parseTagged)
    .action(async ({ name, tag }: Tagged, options: DeploymentOptions & { json?: boolean }) => {
      const { client, deployment } = await openContext(options);
      const image = await new ContractReader(client, deployment).image(name, tag);
      if (image === undefined)
        throw new CliError('not_found', `Cannot show ${name}:${tag}: nobody published it`);
      const [digest, blobId] = [image.digest, image.blobId].map((bytes) =>
        Buffer.from(bytes).toString('hex'),
      );
      if (options.json) printJson({ name, tag, digest, blobId });
      else
        process.stdout.write(
          formatTable(['IMAGE', 'DIGEST', 'BLOB'], [[`${name}:${tag}`, digest!, blobId!]]),
        );
    });
}

function publish(): Command {
  return signed('publish', 'say which image a tag means; a name that nobody has becomes yours')
    .argument('<name:tag>', '', parseTagged)
    .argument('<digest>', "SHA-256 of the image's manifest, in hex", parseDigest)
    .argument('<blob>', 'Walrus blob id, in hex', parseDigest)
    .action((tagged: Tagged, digest: Uint8Array, blobId: Uint8Array, options: SignedOptions) =>
      change(options, (tx, ids) => publishImage(tx, ids, { ...tagged, digest, blobId })),
    );
}

function remove(): Command {
  return signed('remove', 'take a tag away; the name stays yours')
    .argument('<name:tag>', '', parseTagged)
    .action((tagged: Tagged, options: SignedOptions) =>
      change(options, (tx, ids) => removeImage(tx, ids, tagged)),
    );
}

function transfer(): Command {
  return signed('transfer', 'give a name with all its tags to another account')
    .argument('<name>', '')
    .argument('<address>', 'Sui address', parseAddress)
    .action((name: string, newOwner: string, options: SignedOptions) =>
      change(options, (tx, ids) => transferImageName(tx, ids, { name, newOwner })),
    );
}

function drop(): Command {
  return signed('drop', 'give up a name that has no tags')
    .argument('<name>', '')
    .action((name: string, options: SignedOptions) =>
      change(options, (tx, ids) => dropImageName(tx, ids, name)),
    );
}

async function change(
  options: SignedOptions,
  build: (tx: Transaction, ids: Deployment) => void,
): Promise<void> {
  const { digest } = (await send(options, build)).submitted;
  if (options.json) printJson({ digest });
  else printLine(`done (${digest})`);
}

function parseTagged(text: string): Tagged {
  const at = text.lastIndexOf(':');
  if (at > 0 && at < text.length - 1) return { name: text.slice(0, at), tag: text.slice(at + 1) };
  throw new InvalidArgumentError('Write it as name:tag.');
}
