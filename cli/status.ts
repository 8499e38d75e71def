import { ContractReader, type EnclaveRegistry } from '@daasvader/chain/objects.ts';
import { readCluster } from '@daasvader/verifier/chain.ts';
import { type Cluster, type Measurement, measurementsInEffect } from '@daasvader/verifier/cluster.ts';
import { VerifierError } from '@daasvader/verifier/error.ts';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import type { Command } from 'commander';
import { z } from 'zod';
import {
  type ApiOptions,
  type Context,
  type DeploymentOptions,
  openContext,
  withApi,
  withDeployment,
  withJson,
} from './context.ts';
import { formatTable, printJson } from './output.ts';
import { verifiedControlPlane } from './verified-control-plane.ts';

const readiness = z.object({
  status: z.string(),
  follower: z
    .object({
      verification: z.string(),
      checkpoint: z.string(),
      epoch: z.string(),
      heartbeatSeenAtMs: z.number(),
    })
    .optional(),
});

type Readiness = z.output<typeof readiness>;

/** `daas status`: what the chain says of the cluster and, with `--api`, what the verified control plane says. */
export function statusCommand(command: Command): void {
  withJson(withApi(withDeployment(command), false)).action(showStatus);
}

async function showStatus(
  options: DeploymentOptions & Partial<ApiOptions> & { json?: boolean },
): Promise<void> {
  const context = await openContext(options);
  const chain = await readChain(context);
  if (!options.json) process.stdout.write(formatChain(chain));
  const { api, ...rest } = options;
  const controlPlane = api === undefined ? undefined : await readReadiness(context, { ...rest, api });
  if (options.json) printJson({ ...chain, controlPlane });
  else if (controlPlane !== undefined) process.stdout.write(formatReadiness(controlPlane));
}

interface ChainStatus {
  cluster: Cluster;
  /** How long proposals wait, in ms. */
  delayMs: number;
  package: { current: string; version: number };
  epoch: number;
  /** Of the lead. */
  term: number;
  /** Accounts that may seat their enclaves, now or from a time on. */
  seats: { host: string; enclaveId: string | null; effectiveAtMs: number; leads: boolean }[];
  addresses: { pods: string; services: string };
  counts: { workers: number; activeWorkers: number; stakers: number; requests: number; openRequests: number };
}

async function readChain({ client, deployment }: Context): Promise<ChainStatus> {
  const reader = new ContractReader(client, deployment);
  const [cluster, registry, workers, staking, scheduler] = await Promise.all([
    readCluster(client, deployment),
    reader.registry(),
    reader.workers(),
    reader.staking(),
    reader.scheduler(),
  ]);
  const counts = {
    workers: Number(workers.workers.size),
    activeWorkers: Number(workers.activeCount),
    stakers: Number(staking.accounts.size),
    requests: Number(scheduler.requests.size),
    openRequests: Number(scheduler.activeCount),
  };
  const { current, version } = registry.upgrades.package;
  return {
    cluster,
    delayMs: Number(registry.delayMs),
    package: { current, version: Number(version) },
    epoch: Number(registry.seats.epoch),
    term: Number(registry.lease.term),
    seats: seatsOf(registry),
    addresses: { pods: registry.clusterCidr, services: registry.serviceCidr },
    counts,
  };
}

function seatsOf({ seats, lease }: EnclaveRegistry): ChainStatus['seats'] {
  return seats.list.map(({ host, enclaveId, effectiveAtMs }) => ({
    ...{ host, enclaveId, effectiveAtMs: Number(effectiveAtMs) },
    leads: enclaveId !== null && lease.leader?.enclaveId === enclaveId,
  }));
}

async function readReadiness(context: Context, options: ApiOptions): Promise<Readiness> {
  const { endpoint } = await verifiedControlPlane(context, options);
  try {
    const parsed = readiness.safeParse(await endpoint.request('GET', ROUTE.readiness));
    if (parsed.success) return parsed.data;
    const reason = z.prettifyError(parsed.error);
    throw new VerifierError('malformed', `Cannot read the readiness of ${endpoint.url}: ${reason}`);
  } finally {
    await endpoint.close();
  }
}

function formatChain(status: ChainStatus): string {
  const { cluster, epoch, term, counts, addresses } = status;
  const { seat, measurements } = cluster;
  const rows = [
    ['cluster', `${cluster.clusterId} on chain ${cluster.chainId}`],
    ['package', `${status.package.current}, version ${status.package.version}`],
    ['delay', `proposals wait ${status.delayMs / 3_600_000} h; daas admin proposals shows them`],
    ...(status.seats.length === 0 ? [['seat', 'no host is appointed']] : []),
    ...status.seats.map((each) => ['seat', describeSeat(each, cluster.timeMs)]),
    ['operator', seat === undefined ? 'nobody leads' : `${seat.operator}, enclave ${seat.id}`],
    ['epoch', `${epoch}, term ${term}`],
    ...measurements.map((measurement) => ['image', describe(measurement, cluster)]),
    ['addresses', `pods ${addresses.pods}, Services ${addresses.services}`],
    ['workers', `${counts.workers} registered, ${counts.activeWorkers} active`],
    ['users', `${counts.stakers} with stake`],
    ['requests', `${counts.requests}, ${counts.openRequests} of them open`],
  ];
  return formatTable(['ON CHAIN', ''], rows);
}

function describeSeat(seat: ChainStatus['seats'][number], timeMs: number): string {
  const { host, enclaveId, effectiveAtMs, leads } = seat;
  if (effectiveAtMs > timeMs) return `host ${host} from ${new Date(effectiveAtMs).toISOString()}`;
  if (enclaveId === null) return `host ${host}, empty`;
  return `host ${host}, enclave ${enclaveId}${leads ? ', leads' : ''}`;
}

function describe(measurement: Measurement, cluster: Cluster): string {
  const { version, pcrs, effectiveAtMs, retireAtMs } = measurement;
  const isRetired = retireAtMs !== undefined && retireAtMs <= cluster.timeMs;
  const waits = `from ${new Date(effectiveAtMs).toISOString()}`;
  const isInEffect = measurementsInEffect(cluster).includes(measurement);
  return `${version} ${isInEffect ? 'in effect' : isRetired ? 'retired' : waits}, PCR0 ${pcrs[0]}`;
}

function formatReadiness({ status, follower }: Readiness): string {
  if (follower === undefined) return formatTable(['CONTROL PLANE', ''], [['state', status]]);
  const { verification, checkpoint, epoch, heartbeatSeenAtMs } = follower;
  const heartbeat = heartbeatSeenAtMs === 0 ? 'none yet' : new Date(heartbeatSeenAtMs).toISOString();
  const rows = [
    ['state', status],
    ['follower', `${verification} up to checkpoint ${checkpoint} of epoch ${epoch}`],
    ['heartbeat', heartbeat],
  ];
  return formatTable(['CONTROL PLANE', ''], rows);
}
