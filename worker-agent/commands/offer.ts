import { type Command, InvalidArgumentError, Option } from 'commander';
import { type CommonOptions, configOf, ownerOf, print, withCommon } from './options.ts';

interface OfferOptions extends CommonOptions {
  cpu: bigint;
  memory: bigint;
  disk: bigint;
  cpuPrice: bigint;
  memoryPrice: bigint;
  diskPrice: bigint;
  region: string;
  gateway: boolean;
}

/** `offer`: says on chain what this worker has to offer, and at which prices. */
export function offerCommand(command: Command): void {
  const whole = (flags: string, text: string) => new Option(flags, text).argParser(parseWhole);
  withCommon(command)
    .addOption(whole('--cpu <millis>', 'thousandths of a CPU').makeOptionMandatory())
    .addOption(whole('--memory <MiB>', 'mebibytes').makeOptionMandatory())
    .addOption(whole('--disk <GiB>', 'gibibytes').makeOptionMandatory())
    .addOption(whole('--cpu-price <mist>', 'MIST per CPU and hour').default(0n, '0'))
    .addOption(whole('--memory-price <mist>', 'MIST per GiB and hour').default(0n, '0'))
    .addOption(whole('--disk-price <mist>', 'MIST per GiB and hour').default(0n, '0'))
    .option('--region <name>', 'where it stands, such as eu-west', '')
    .option('--gateway', 'serves public traffic', false)
    .action(offer);
}

async function offer(options: OfferOptions): Promise<void> {
  const config = await configOf(options);
  const { cpu, memory, disk, cpuPrice, memoryPrice, diskPrice, region, gateway } = options;
  const digest = await (await ownerOf(config)).setOffer(config.node.id, {
    ...{ cpuMilli: cpu, memoryMib: memory, diskGib: disk, cpuPrice, memoryPrice, diskPrice },
    ...{ region, gateway },
  });
  print(options, { nodeId: config.node.id, digest }, `offered by ${config.node.id} in transaction ${digest}`);
}

function parseWhole(text: string): bigint {
  if (/^\d{1,18}$/.test(text)) return BigInt(text);
  throw new InvalidArgumentError('It is not a whole number.');
}
