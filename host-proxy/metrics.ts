import { createServer, type Server } from 'node:http';
import { reasonOf } from '@daasvader/program/reason.ts';
import { Counter, Gauge, Registry } from 'prom-client';
import { listenTcp } from './relay-server.ts';

/** The host proxy's Prometheus metrics. */
export class Metrics {
  readonly registry = new Registry();
  readonly #to = [this.registry];
  #beforeScrape: () => void = () => {};

  readonly relayOpen = new Gauge({
    name: 'daasvader_relay_open_connections',
    help: 'Relayed connections that are open now',
    labelNames: ['port'],
    registers: this.#to,
  });
  readonly relayBytes = new Counter({
    name: 'daasvader_relay_bytes_total',
    help: 'Bytes carried to (in) and from (out) the enclave by connections that ended',
    labelNames: ['port', 'direction'],
    registers: this.#to,
  });
  readonly relayRefused = new Counter({
    name: 'daasvader_relay_refused_total',
    help: 'Connections reset: all places taken (limit), those of the address (address), too many new ones from it (rate), nothing said (silent), no enclave (enclave)',
    labelNames: ['port', 'reason'],
    registers: this.#to,
  });
  readonly lastPulse = new Gauge({
    name: 'daasvader_enclave_pulse_timestamp_seconds',
    help: 'When an enclave last said that it had booted, seconds since 1970; it says so once',
    registers: this.#to,
  });
  readonly enclaveStarts = new Counter({
    name: 'daasvader_enclave_starts_total',
    help: 'How often the host started the enclave',
    registers: this.#to,
  });
  readonly outbound = new Counter({
    name: 'daasvader_outbound_tunnels_total',
    help: 'CONNECT requests of the enclave by outcome',
    labelNames: ['outcome'],
    registers: this.#to,
  });
  readonly gasSpent = new Counter({
    name: 'daasvader_gas_spent_mist_total',
    help: 'Gas that sponsored transactions took, as their effects say, in MIST',
    labelNames: ['pot'],
    registers: this.#to,
  });
  readonly gasRefused = new Counter({
    name: 'daasvader_gas_refused_total',
    help: 'Transactions that were not sponsored because their pot was empty',
    labelNames: ['pot'],
    registers: this.#to,
  });
  readonly gasPot = new Gauge({
    name: 'daasvader_gas_pot_mist',
    help: 'Of the last hour: spent, reserved until it is known what was spent, and the limit of both, in MIST',
    labelNames: ['pot', 'state'],
    registers: this.#to,
    collect: () => this.#beforeScrape(),
  });
  readonly hostRequests = new Counter({
    name: 'daasvader_host_requests_total',
    help: 'Requests of the enclave to the host services by route and status',
    labelNames: ['route', 'status'],
    registers: this.#to,
  });
  readonly eventsStored = new Counter({
    name: 'daasvader_events_stored_total',
    help: 'Events appended to the log store',
    registers: this.#to,
  });

  /** Has `update` set what only it knows, each time before the metrics are told. */
  onScrape(update: () => void): void {
    this.#beforeScrape = update;
  }
}

/**
 * Serves `/metrics` and `/healthz` on the loopback interface.
 *
 * @throws {HostProxyError} `port-taken`
 */
export async function serveMetrics(metrics: Metrics, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.url === '/healthz') return void response.end('ok\n');
    if (request.url !== '/metrics') return void response.writeHead(404).end();
    response.setHeader('content-type', metrics.registry.contentType);
    metrics.registry.metrics().then(
      (text) => response.end(text),
      (error: unknown) => response.writeHead(500).end(`Cannot tell metrics: ${reasonOf(error)}\n`),
    );
  });
  await listenTcp(server, '127.0.0.1', port);
  return server;
}
