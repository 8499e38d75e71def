import { mkdir } from 'node:fs/promises';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { AfVsock } from '@daasvader/vsock/af-vsock.ts';
import { HOST_ROUTE } from '@daasvader/vsock/host-routes.ts';
import { HybridHost } from '@daasvader/vsock/hybrid-host.ts';
import { ENCLAVE_PORT, HOST_PORT } from '@daasvader/vsock/ports.ts';
import type { ConnectionHandler, Vsock } from '@daasvader/vsock/vsock.ts';
import type { Logger } from 'pino';
import { COLLECT_FEES } from './collect-fees.ts';
import { type ClusterDeployment, type Config, readClusterDeployment } from './config.ts';
import { limitConnections } from './connection-limit.ts';
import { ConsoleLog } from './console-log.ts';
import { listenForCommands } from './control.ts';
import { enclaveConfiguration } from './enclave-configuration.ts';
import { EnclaveMachine } from './enclave-machine.ts';
import { EnclaveProcess } from './enclave-process.ts';
import { HostProxyError } from './error.ts';
import { EventsService } from './events-service.ts';
import { FeesService } from './fees-service.ts';
import { GasPots } from './gas-pots.ts';
import { jsonService, type Routes } from './json-service.ts';
import { Metrics, serveMetrics } from './metrics.ts';
import { NitroCli } from './nitro-cli.ts';
import { authorityOf, outboundHandler } from './outbound.ts';
import { type HostAccount, openHostAccount } from './own-transactions.ts';
import { pulseHandler } from './pulse.ts';
import { RelayServer } from './relay-server.ts';
import { SeatService, seatRequestSchema } from './seat-service.ts';
import { Sponsor, sponsorRequestSchema } from './sponsor.ts';

/** What one side may still send after the other has finished. */
const LINGER_MS = 10_000;
/** A client that has connected, to speak TLS, says its first word at once. */
const FIRST_BYTE_MS = 10_000;
/** How many connections the enclave may have open to one port of the host. */
const MAX_CONNECTIONS = 64;

/** What the command line adds to the configuration. */
export interface HostProxyOptions {
  /** Run the enclave as an ordinary process. */
  readonly devEnclave: boolean;
  /** Boot the image on the emulated Nitro machine instead of a real one. */
  readonly emulator: boolean;
}

/** Everything that runs on the host: relays in, the services that the enclave dials, and the enclave itself. */
export class HostProxy {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #metrics = new Metrics();
  readonly #vsock: Vsock;
  readonly #relays: RelayServer[] = [];
  #metricsServer: Server | undefined;
  #commands: { close(): unknown } | undefined;
  #console: ConsoleLog | undefined;
  #events: EventsService | undefined;
  #enclave: { stop(): Promise<void> } | undefined;

  private constructor(config: Config, log: Logger) {
    this.#config = config;
    this.#log = log;
    const { vsock } = config.host;
    this.#vsock = vsock === undefined ? new AfVsock(config.enclave.cid) : new HybridHost(vsock);
  }

  /**
   * Starts all of it, or nothing.
   *
   * @throws {HostProxyError} `config`, `key`, `port-taken` or `store`
   * @throws {VsockError} `in-use` when another host proxy runs on the same folder, or `path`
   */
  static async start(config: Config, options: HostProxyOptions, log: Logger): Promise<HostProxy> {
    const proxy = new HostProxy(config, log);
    try {
      await proxy.#start(options);
      return proxy;
    } catch (error) {
      await proxy.drain(0);
      throw error;
    }
  }

  /** Accepts no more connections, lets open ones finish for `graceMs`, then ends the enclave and the services. */
  async drain(graceMs: number): Promise<void> {
    await Promise.all(this.#relays.map((relay) => relay.drain(graceMs)));
    await this.#enclave?.stop();
    this.#vsock.close();
    this.#commands?.close();
    await this.#events?.close();
    await this.#console?.close();
    this.#metricsServer?.close();
    this.#metricsServer?.closeAllConnections();
  }

  async #start(options: HostProxyOptions): Promise<void> {
    const { host, api, sui } = this.#config;
    await mkdir(host.state_dir, { recursive: true, mode: 0o700 });
    const cluster = await readClusterDeployment(host.deployment);
    if (api.tls_cert || api.tls_key) {
      this.#log.warn('api.tls_cert and api.tls_key are not used: TLS ends inside the enclave');
    }
    if (sui.event_filter) {
      this.#log.warn('sui.event_filter is not used: the enclave takes every event of the cluster');
    }
    const account = await openHostAccount(this.#config, cluster);
    // First of all, since it keeps a second host proxy from what is on disk.
    await this.#listenForCommands(new FeesService(account));
    await this.#serveEnclave(cluster, account);
    await this.#relay(api.port, ENCLAVE_PORT.kubernetes);
    await this.#relay(api.enclave_port, ENCLAVE_PORT.api);
    this.#metricsServer = await serveMetrics(this.#metrics, host.metrics_port);
    this.#enclave = this.#run(options);
  }

  /** Starts what runs the enclave; nothing when somebody else does. */
  #run({ devEnclave, emulator }: HostProxyOptions): { stop(): Promise<void> } | undefined {
    const { host, enclave } = this.#config;
    const { state_dir: stateDir, vsock } = host;
    const { image, memory_mib: memoryMib, cpu_count: cpus, cid } = enclave;
    const needed = <T>(value: T | undefined, key: string): T => {
      if (value !== undefined) return value;
      throw new HostProxyError('config', `Cannot start the enclave: ${key} is not set`);
    };
    if (devEnclave) {
      const path = needed(vsock, 'host.vsock');
      return new EnclaveProcess({ stateDir, vsock: path }, this.#metrics, this.#log);
    }
    const machine = { memoryMib, cpus, cid };
    if (emulator) {
      const paths = { stateDir, vsock: needed(vsock, 'host.vsock'), image: needed(image, 'enclave.image') };
      return new EnclaveMachine({ ...machine, ...paths }, this.#metrics, this.#log);
    }
    return image === undefined ? undefined : new NitroCli({ ...machine, image }, this.#metrics, this.#log);
  }

  async #serveEnclave(cluster: ClusterDeployment, account: HostAccount): Promise<void> {
    const { host, sui, walrus, outbound } = this.#config;
    const { registryId, workersId, stakingId, schedulerId } = cluster;
    const logs = [registryId, workersId, stakingId, schedulerId];
    this.#events = await EventsService.open(join(host.state_dir, 'events'), logs);
    this.#console = await ConsoleLog.open(join(host.state_dir, 'console.log'));
    const configuration = enclaveConfiguration(this.#config, cluster);
    const routes = this.#services(cluster, account, this.#events);
    const fullNodes = [sui.rpc_endpoint, ...sui.rpc_endpoints, cluster.rpcUrl];
    const allow = new Set(
      [...fullNodes, walrus.aggregator ?? []].flat().map(authorityOf).concat(outbound.allow),
    );

    const json = (table: Routes) => jsonService(table, this.#metrics, this.#log);
    await this.#listen(HOST_PORT.pulse, pulseHandler(this.#metrics));
    await this.#listen(
      HOST_PORT.configuration,
      json({ [`GET ${HOST_ROUTE.configuration}`]: async () => configuration }),
    );
    await this.#listen(
      HOST_PORT.outbound,
      outboundHandler({ allow, ...this.#relayLimits() }, this.#metrics, this.#log),
    );
    await this.#listen(HOST_PORT.services, json(routes));
    await this.#listen(HOST_PORT.console, this.#console.handler(this.#log));
    this.#log.info({ allow: [...allow] }, 'serving the enclave');
  }

  async #listen(port: number, handler: ConnectionHandler): Promise<void> {
    const refused = () => this.#metrics.relayRefused.inc({ port, reason: 'limit' });
    await this.#vsock.listen(port, limitConnections(handler, MAX_CONNECTIONS, refused));
  }

  #services(cluster: ClusterDeployment, account: HostAccount, events: EventsService): Routes {
    const sponsor = new Sponsor({ ...account, pots: new GasPots(this.#config.gas, this.#metrics) });
    const seat = new SeatService(account, cluster);
    const address = account.account.toSuiAddress();
    this.#log.info({ account: address }, 'paying gas and taking the seat as the host account');
    return {
      [`POST ${HOST_ROUTE.sponsor}`]: async ({ body }) => sponsor.sponsor(sponsorRequestSchema.parse(body)),
      [`POST ${HOST_ROUTE.seat}`]: async ({ body }) => ({
        digest: await seat.take(seatRequestSchema.parse(body)),
      }),
      [`GET ${HOST_ROUTE.events}`]: async ({ query }) => events.read(query),
      [`POST ${HOST_ROUTE.events}`]: async ({ body }) => {
        const result = await events.append(body);
        this.#metrics.eventsStored.inc(result.appended);
        return result;
      },
    };
  }

  async #listenForCommands(fees: FeesService): Promise<void> {
    const routes = { [`POST ${COLLECT_FEES}`]: async () => fees.collect() };
    this.#commands = await listenForCommands(
      this.#config.host.state_dir,
      jsonService(routes, this.#metrics, this.#log),
    );
  }

  async #relay(port: number, vsockPort: number): Promise<void> {
    const { api, relay } = this.#config;
    const perAddress = {
      connections: relay.max_connections_per_address,
      perSecond: relay.new_connections_per_second,
    };
    const limits = { maxConnections: relay.max_connections, perAddress, firstByteMs: FIRST_BYTE_MS };
    const options = { host: api.listen, port, vsockPort, ...this.#relayLimits(), ...limits };
    const server = await RelayServer.listen(this.#vsock, options, this.#metrics, this.#log);
    this.#relays.push(server);
    this.#log.info({ port: server.port, vsockPort }, 'relaying to the enclave');
  }

  #relayLimits(): { idleMs: number; lingerMs: number } {
    return { idleMs: this.#config.relay.idle_seconds * 1_000, lingerMs: LINGER_MS };
  }
}
