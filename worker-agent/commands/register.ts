import type { Command } from 'commander';
import type { RegisteredWorker } from '../chain.ts';
import { WorkerError } from '../error.ts';
import { identityKeyFile, readIdentity, readSealKey, sealKeyFile } from '../keys.ts';
import { openChain } from '../sui-chain.ts';
import { type CommonOptions, configOf, ownerOf, print, withCommon } from './options.ts';

/** `register`: stakes and registers this worker, or gives a registered one a new seal token. */
export function registerCommand(command: Command): void {
  withCommon(command)
    .option('--token <hex>', 'the seal token that is expected to be registered; must be that of the seal key')
    .action(register);
}

async function register(options: CommonOptions & { token?: string }): Promise<void> {
  const config = await configOf(options);
  const { publicKey } = await readSealKey(
    sealKeyFile(config.stateDir),
    options.token ?? config.node.seal_token,
  );
  const owner = await ownerOf(config);
  const known = await openChain(config).readWorker(config.node.id);
  const { id, stake_amount: stake } = config.node;
  if (known === undefined) {
    const { publicKey: identityKey } = await readIdentity(identityKeyFile(config.stateDir), config.stateDir);
    const digest = await owner.register(id, { sealToken: publicKey, identityKey }, stake);
    return print(
      options,
      { nodeId: id, digest },
      `registered ${id} with ${stake} MIST in transaction ${digest}`,
    );
  }
  if (!(await owner.has(id)))
    throw new WorkerError('taken', `Cannot register ${id}: the node id is registered to somebody else`, {
      expected: owner.address,
      actual: known.owner,
    });
  assertNotEnded(known);
  if (known.sealToken === publicKey)
    return print(options, { nodeId: id }, `${id} is registered with this seal token already`);
  const digest = await owner.refreshSealToken(id, publicKey);
  print(options, { nodeId: id, digest }, `renewed the seal token of ${id} in transaction ${digest}`);
}

/** A seal token is of no use to a worker that is out. @throws WorkerError `ended` */
export function assertNotEnded({ nodeId, status }: RegisteredWorker): void {
  const ended = (why: string) => new WorkerError('ended', `Cannot register ${nodeId}: ${why}`);
  if (status === 'slashed') throw ended('it was slashed; worker-agent reinstate brings it back');
  if (status === 'left')
    throw ended('it has left; choose another node.id, or take its stake out and worker-agent close it first');
}
