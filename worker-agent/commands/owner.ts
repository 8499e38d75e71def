import { existsSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import type { WorkerConfig } from '../config.ts';
import { nodeKubeconfig, volumesFolder, volumesIn } from '../k3s.ts';
import { OwnNode } from '../node.ts';
import { type CommonOptions, configOf, ownerOf, print, withCommon } from './options.ts';

const DEFAULT_DRAIN_SECONDS = 120;

/** `drain`: no new work on chain, then the pods here move elsewhere. */
export function drainCommand(command: Command): void {
  withCommon(command)
    .option('--timeout <seconds>', 'how long pods may take to go', parseSeconds, DEFAULT_DRAIN_SECONDS)
    .action(async (options: CommonOptions & { timeout: number }) => {
      const config = await configOf(options);
      const digest = await (await ownerOf(config)).drain(config.node.id);
      await nodeOf(config)?.drain(AbortSignal.timeout(options.timeout * 1000));
      print(
        options,
        { nodeId: config.node.id, digest },
        `drained ${config.node.id} in transaction ${digest}`,
      );
    });
}

/** `uncordon`: takes back a drain. */
export function uncordonCommand(command: Command): void {
  withCommon(command).action(async (options: CommonOptions) => {
    const config = await configOf(options);
    const digest = await (await ownerOf(config)).resume(config.node.id);
    await nodeOf(config)?.setSchedulable(true);
    print(
      options,
      { nodeId: config.node.id, digest },
      `${config.node.id} takes work again, transaction ${digest}`,
    );
  });
}

/** `leave`: leaves the cluster for good. The stake is the owner's to ask for from then on. */
export function leaveCommand(command: Command): void {
  withCommon(command).action(async (options: CommonOptions) => {
    const config = await configOf(options);
    const digest = await (await ownerOf(config)).leave(config.node.id);
    const volumes = volumesIn(config.k3s.data_dir);
    const left = `${config.node.id} left in transaction ${digest}`;
    const rest = `; ${volumes.length} volumes of its users stay in ${volumesFolder(config.k3s.data_dir)}`;
    print(options, { nodeId: config.node.id, digest, volumes }, volumes.length ? left + rest : left);
  });
}

function parseSeconds(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is not a number of seconds.');
}

// Without the kubelet's credential this machine is not the node: then only the chain is told.
function nodeOf({ k3s, node }: WorkerConfig): OwnNode | undefined {
  const file = nodeKubeconfig(k3s.data_dir);
  return existsSync(file) ? new OwnNode(file, node.id) : undefined;
}
