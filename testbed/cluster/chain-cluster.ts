import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Binding } from '@daasvader/attestation/binding.ts';
import { type AdminIds, appointHost, proposeMeasurement, setConfig } from '@daasvader/chain/calls/admin.ts';
import { readCommittee } from '@daasvader/chain/committee.ts';
import type { Deployment } from '@daasvader/chain/deployment.ts';
import { ContractReader } from '@daasvader/chain/objects.ts';
import { DEFAULT_RANGES } from '@daasvader/chain/ranges.ts';
import { submit } from '@daasvader/chain/submit.ts';
import { HostServices } from '@daasvader/enclave/chain/host-services.ts';
import type { Nsm } from '@daasvader/enclave/nsm/nsm.ts';
import { ClusterPackage } from '@daasvader/host-proxy/cluster-package.ts';
import type { Config } from '@daasvader/host-proxy/config.ts';
import { EventsService } from '@daasvader/host-proxy/events-service.ts';
import { GasCoins } from '@daasvader/host-proxy/gas-coins.ts';
import { GasPots } from '@daasvader/host-proxy/gas-pots.ts';
import { SuiHostChain } from '@daasvader/host-proxy/host-chain.ts';
import { jsonService } from '@daasvader/host-proxy/json-service.ts';
import { Metrics } from '@daasvader/host-proxy/metrics.ts';
import { SeatService, seatRequestSchema } from '@daasvader/host-proxy/seat-service.ts';
import { Sponsor, sponsorRequestSchema } from '@daasvader/host-proxy/sponsor.ts';
import { HOST_ROUTE } from '@daasvader/vsock/host-routes.ts';
import { HybridGuest } from '@daasvader/vsock/hybrid-guest.ts';
import { HybridHost } from '@daasvader/vsock/hybrid-host.ts';
import { HOST_PORT } from '@daasvader/vsock/ports.ts';
import type { Signer } from '@mysten/sui/cryptography';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { pino } from 'pino';
import type { Devnet } from '../devnet/devnet.ts';
import { SoftwareNsm } from '../nsm/software.ts';
import { startPublishedDevnet } from './published-devnet.ts';

const SOURCES = new URL('../..', import.meta.url).pathname;
const GAS_BUDGET = 500_000_000n;
const GAS_POTS = { heartbeats_per_hour: 100_000_000_000, statements_per_hour: 200_000_000_000 };

/** MIST that a host spends in an hour, by what for. */
export type GasLimits = Pick<Config['gas'], 'heartbeats_per_hour' | 'statements_per_hour'>;

/** An NSM, and the root under which the chain is to believe its documents. */
export interface TrustedNsm extends Nsm {
  readonly rootPem: string;
}

/** A chain with the contracts and an admin who did his part, a host's services over vsock, and an NSM. */
export class ChainCluster {
  readonly client: SuiGrpcClient;
  readonly reader: ContractReader;
  readonly deployment: Deployment & AdminIds;
  readonly devnet: Devnet;
  readonly nsm: TrustedNsm;
  readonly services: HostServices;
  readonly #cleanUp: (() => unknown)[];

  private constructor(
    fields: Pick<ChainCluster, 'client' | 'deployment' | 'devnet' | 'nsm' | 'services'>,
    cleanUp: (() => unknown)[],
  ) {
    this.client = fields.client;
    this.deployment = fields.deployment;
    this.devnet = fields.devnet;
    this.nsm = fields.nsm;
    this.services = fields.services;
    this.reader = new ContractReader(this.client, this.deployment);
    this.#cleanUp = cleanUp;
  }

  /**
   * @param given the NSM whose measurement the chain admits; a software NSM unless given
   * @param pots what the host spends in an hour; more than any test needs unless given
   */
  static async start(given?: TrustedNsm, pots: GasLimits = GAS_POTS): Promise<ChainCluster> {
    const directory = await mkdtemp(join(tmpdir(), 'daas-chain-'));
    const nsm = given ?? (await SoftwareNsm.create({ stateDir: join(directory, 'nsm'), sourceDir: SOURCES }));
    const { devnet, client, deployment } = await startPublishedDevnet(nsm.rootPem);
    const { services, close } = await openHost(directory, deployment, { account: devnet.accounts[1]!, pots });
    const cleanUp = [close, () => devnet.close(), () => rm(directory, { recursive: true })];
    const cluster = new ChainCluster({ client, deployment, devnet, nsm, services }, cleanUp);
    await cluster.#configure();
    return cluster;
  }

  /** Published the contracts. */
  get admin(): Signer {
    return this.devnet.accounts[0]!;
  }

  /** Pays for the enclave and seats it. */
  get host(): Signer {
    return this.devnet.accounts[1]!;
  }

  /** @returns an account with SUI */
  async fundedAccount(): Promise<Ed25519Keypair> {
    const account = new Ed25519Keypair();
    await this.devnet.faucet(account.toSuiAddress());
    return account;
  }

  /** @returns what another host, with this account, offers its own enclave */
  async servicesOf(account: Ed25519Keypair): Promise<HostServices> {
    const directory = await mkdtemp(join(tmpdir(), 'daas-host-'));
    const { services, close } = await openHost(directory, this.deployment, { account, pots: GAS_POTS });
    this.#cleanUp.unshift(close, () => rm(directory, { recursive: true }));
    return services;
  }

  /** @returns what an enclave with this operator answers for; keys that nobody uses here are made up */
  async bindingOf(operator: string): Promise<Binding> {
    const committee = await readCommittee(this.client);
    return {
      chainId: this.deployment.chainId,
      packageId: this.deployment.originalPackageId,
      clusterId: this.deployment.registryId,
      operator,
      tlsSpkiSha256: new Uint8Array(32).fill(1),
      caSha256: new Uint8Array(32).fill(2),
      hpkePublicKey: new Uint8Array(32).fill(3),
      committeeDigest: committee.digest,
      committeeEpoch: committee.epoch,
      bootId: new Uint8Array(16).fill(4),
      ...DEFAULT_RANGES,
    };
  }

  async close(): Promise<void> {
    for (const step of this.#cleanUp) await step();
  }

  async #configure(): Promise<void> {
    const { client, admin, deployment, nsm, host } = this;
    const { pcrs } = await nsm.describe();
    const [pcr0, pcr1, pcr2] = [0, 1, 2].map((index) => pcrs.get(index)!);
    const binding = await this.bindingOf(admin.toSuiAddress());
    await submit(client, admin, (tx) => {
      proposeMeasurement(tx, deployment, {
        ...{ version: 'sources', pcr0: pcr0!, pcr1: pcr1!, pcr2: pcr2! },
        ...{ releaseDigest: new Uint8Array(32), stateFormat: 1n },
      });
      setConfig(tx, deployment, binding);
      appointHost(tx, deployment, host.toSuiAddress());
    });
  }
}

/** A host's services and an enclave's way to them. */
async function openHost(
  directory: string,
  deployment: Deployment,
  payer: { account: Ed25519Keypair; pots: GasLimits },
): Promise<{ services: HostServices; close: () => Promise<void> }> {
  const vsock = join(directory, 'vsock');
  const guest = await HybridGuest.open(vsock);
  const { host, events } = await serveEnclave(vsock, directory, deployment, payer);
  const close = async () => {
    for (const part of [guest, host, events]) await part.close();
  };
  return { services: new HostServices(guest), close };
}

/** What the host proxy offers on the vsock port of its services. */
async function serveEnclave(
  vsock: string,
  directory: string,
  deployment: Deployment,
  { account, pots }: { account: Ed25519Keypair; pots: GasLimits },
): Promise<{ host: HybridHost; events: EventsService }> {
  const { registryId, workersId, stakingId, schedulerId, network, rpcUrl } = deployment;
  const metrics = new Metrics();
  const chain = new SuiHostChain(network, rpcUrl);
  const [coins, packages] = [new GasCoins(chain, account), new ClusterPackage(chain, deployment)];
  const payer = { chain, coins, account, packages, perTransaction: GAS_BUDGET };
  const sponsor = new Sponsor({ ...payer, pots: new GasPots(pots, metrics) });
  const seat = new SeatService(payer, deployment);
  const logs = [registryId, workersId, stakingId, schedulerId];
  const events = await EventsService.open(join(directory, 'events'), logs);
  const routes = {
    [`POST ${HOST_ROUTE.sponsor}`]: async ({ body }: { body: unknown }) =>
      sponsor.sponsor(sponsorRequestSchema.parse(body)),
    'POST /seat': async ({ body }: { body: unknown }) => ({
      digest: await seat.take(seatRequestSchema.parse(body)),
    }),
    [`GET ${HOST_ROUTE.events}`]: async ({ query }: { query: URLSearchParams }) => events.read(query),
    [`POST ${HOST_ROUTE.events}`]: async ({ body }: { body: unknown }) => events.append(body),
  };
  const host = new HybridHost(vsock);
  await host.listen(HOST_PORT.services, jsonService(routes, metrics, pino({ enabled: false })));
  return { host, events };
}
