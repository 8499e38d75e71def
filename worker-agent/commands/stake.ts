import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { reinstateWorker } from '../reinstatement.ts';
import { openChain } from '../sui-chain.ts';
import { type CommonOptions, configOf, ownerOf, print, withCommon } from './options.ts';

const MIST_PER_SUI = 1_000_000_000n;

/** `stake`: adds to the stake of this worker. */
export function stakeCommand(command: Command): void {
  withCommon(command)
    .argument('<sui>', 'amount in SUI, such as 2 or 0.5', parseSui)
    .action(async (amount: bigint, options: CommonOptions) => {
      const config = await configOf(options);
      const digest = await (await ownerOf(config)).addStake(config.node.id, amount);
      print(
        options,
        { nodeId: config.node.id, digest },
        `staked more for ${config.node.id} in transaction ${digest}`,
      );
    });
}

/** `withdraw`: asks for the stake of a worker that left or was slashed; a week later, takes it out. */
export function withdrawCommand(command: Command): void {
  withCommon(command)
    .option('--request', 'start the week that the stake waits')
    .action(async (options: CommonOptions & { request?: boolean }) => {
      const config = await configOf(options);
      const owner = await ownerOf(config);
      const { id } = config.node;
      const digest = await (options.request === true ? owner.requestWithdraw(id) : owner.withdraw(id));
      const done = options.request === true ? `asked for the stake of ${id}` : `took the stake of ${id} out`;
      print(options, { nodeId: id, digest }, `${done} in transaction ${digest}`);
    });
}

/** `reinstate`: brings a slashed worker back, with new keys and a stake that is topped up. */
export function reinstateCommand(command: Command): void {
  withCommon(command)
    .argument('<sui>', 'what is added to the stake, in SUI', parseSui)
    .action(async (amount: bigint, options: CommonOptions) => {
      const config = await configOf(options);
      const { id: nodeId } = config.node;
      const [chain, owner] = [openChain(config), await ownerOf(config)];
      const digest = await reinstateWorker({
        ...{ stateDir: config.stateDir, nodeId, stake: amount },
        ...{ chain, owner },
      });
      const done =
        digest === undefined
          ? `${nodeId} was reinstated before; its new keys are in place now`
          : `reinstated ${nodeId} in transaction ${digest}`;
      print(options, { nodeId, digest }, `${done}\nstart worker-agent run again: it joins with the new keys`);
    });
}

/** `transfer`: gives the worker, and so its stake, to another account. */
export function transferCommand(command: Command): void {
  withCommon(command)
    .argument('<address>', 'Sui address', parseAddress)
    .action(async (address: string, options: CommonOptions) => {
      const config = await configOf(options);
      const digest = await (await ownerOf(config)).transfer(config.node.id, address);
      print(
        options,
        { nodeId: config.node.id, digest },
        `${config.node.id} is now ${address}'s, transaction ${digest}`,
      );
    });
}

/** `close`: deletes a worker that left and has no stake from the chain; its name is free again. */
export function closeCommand(command: Command): void {
  withCommon(command).action(async (options: CommonOptions) => {
    const config = await configOf(options);
    const digest = await (await ownerOf(config)).close(config.node.id);
    print(options, { nodeId: config.node.id, digest }, `closed ${config.node.id} in transaction ${digest}`);
  });
}

function parseSui(text: string): bigint {
  const match = /^(\d{1,10})(?:\.(\d{1,9}))?$/.exec(text);
  if (!match) throw new InvalidArgumentError('Write SUI like 2 or 0.5.');
  return BigInt(match[1] as string) * MIST_PER_SUI + BigInt((match[2] ?? '').padEnd(9, '0'));
}

function parseAddress(text: string): string {
  if (/^0x[0-9a-f]{64}$/.test(text)) return text;
  throw new InvalidArgumentError('It is not an address: 0x and 64 lowercase hex digits.');
}
