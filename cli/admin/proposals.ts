import {
  ContractReader,
  type EnclaveRegistry,
  type Scheduler,
  type StakingPool,
  type WorkerRegistry,
} from '@daasvader/chain/objects.ts';
import { Command } from 'commander';
import { type DeploymentOptions, openContext, withDeployment, withJson } from '../context.ts';
import { formatSui, formatTable, printJson } from '../output.ts';

/** Something that takes effect by itself, or that may be carried out, when its time has come. */
interface Proposal {
  what: string;
  /** Ms since 1970, by the chain's clock. */
  effectiveAtMs: number;
}

interface Parts {
  registry: EnclaveRegistry;
  workers: WorkerRegistry;
  staking: StakingPool;
  scheduler: Scheduler;
}

/** `daas admin proposals`: all that waits. Anybody may look. */
export function proposalsCommand(): Command {
  return withJson(withDeployment(new Command('proposals')))
    .description('show all that the admin proposed and when it takes effect; anybody may look')
    .action(async (options: DeploymentOptions & { json?: boolean }) => {
      const { client, deployment } = await openContext(options);
      const reader = new ContractReader(client, deployment);
      const [nowMs, registry, workers, staking, scheduler] = await Promise.all([
        reader.timeMs(),
        reader.registry(),
        reader.workers(),
        reader.staking(),
        reader.scheduler(),
      ]);
      const proposals = waiting({ registry, workers, staking, scheduler }, nowMs);
      if (options.json) printJson({ delayMs: registry.delayMs, nowMs, proposals });
      else process.stdout.write(describe(Number(registry.delayMs), proposals));
    });
}

/** What waits, the soonest first. An upgrade waits until it is carried out, however long that is possible already. */
function waiting(parts: Parts, nowMs: number): Proposal[] {
  const timed = [...ofRegistry(parts.registry), ...ofParameters(parts)];
  return [...timed.filter(({ effectiveAtMs }) => effectiveAtMs > nowMs), ...upgrade(parts.registry)].sort(
    (a, b) => a.effectiveAtMs - b.effectiveAtMs,
  );
}

function ofRegistry({ measurements, seats, config, state, ...registry }: EnclaveRegistry): Proposal[] {
  const { publicConfig, sealConfig, market } = registry;
  return [
    ...measurements.map(({ version, pcr0, effectiveAtMs }) =>
      proposal(`image ${version}, PCR0 ${Buffer.from(pcr0).toString('hex')}`, effectiveAtMs),
    ),
    ...seats.list.map(({ host, effectiveAtMs }) => proposal(`seat for host ${host}`, effectiveAtMs)),
    ...pending(
      config,
      (to) => `enclaves trust the committee of epoch ${to.committeeEpoch}, package ${to.packageId}`,
    ),
    ...pending(publicConfig, (to) => `apps under ${to.appsDomain}, certificates from ${to.acmeDirectory}`),
    ...pending(
      sealConfig,
      (to) =>
        `${to.threshold} of ${to.servers.length} key servers: ${to.servers.map(({ id, url }) => `${id} at ${url}`).join(', ')}`,
    ),
    ...pending(market, (to) => `market ${to}`),
    ...(state.anewAtMs === null
      ? []
      : [proposal('the control plane may begin with nothing', state.anewAtMs)]),
    ...(state.accepted === null
      ? []
      : [
          proposal(
            `state goes back to position ${state.accepted.position}, digest ${Buffer.from(state.accepted.digest).toString('hex')}`,
            state.accepted.effectiveAtMs,
          ),
        ]),
  ];
}

function ofParameters({ workers, staking, scheduler }: Parts): Proposal[] {
  return [
    ...pending(workers.minStake, (to) => `least stake of a worker: ${formatSui(BigInt(to))}`),
    ...pending(staking.roleStakes, (to) => {
      const stakes = Object.entries(to).map(([role, mist]) => `${role} ${formatSui(BigInt(mist))}`);
      return `stakes of roles: ${stakes.join(', ')}`;
    }),
    ...pending(scheduler.fees.fee, (to) => `fee of an order: ${formatSui(BigInt(to))}`),
  ];
}

function upgrade({ upgrades }: EnclaveRegistry): Proposal[] {
  const { proposal: proposed } = upgrades;
  if (proposed === null) return [];
  const digest = Buffer.from(proposed.digest).toString('hex');
  return [
    proposal(
      `upgrade of the contracts to digest ${digest}, once the admin carries it out`,
      proposed.effectiveAtMs,
    ),
  ];
}

function pending<T>(
  value: { pending: T | null; effectiveAtMs: string },
  describeValue: (to: T) => string,
): Proposal[] {
  return value.pending === null ? [] : [proposal(describeValue(value.pending), value.effectiveAtMs)];
}

function proposal(what: string, effectiveAtMs: string): Proposal {
  return { what, effectiveAtMs: Number(effectiveAtMs) };
}

function describe(delayMs: number, proposals: Proposal[]): string {
  const delay = `proposals wait ${delayMs / 3_600_000} h in this cluster\n`;
  if (proposals.length === 0) return `${delay}nothing waits\n`;
  const rows = proposals.map(({ what, effectiveAtMs }) => [new Date(effectiveAtMs).toISOString(), what]);
  return delay + formatTable(['FROM', 'WHAT'], rows);
}
