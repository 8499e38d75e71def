import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Everything that `/metrics` shows, under one registry. */
export class Metrics {
  readonly registry = new Registry();
  readonly bootStep = new Gauge({
    name: 'daasvader_boot_step_seconds',
    help: 'Duration of each step of the boot',
    labelNames: ['step'] as const,
    registers: [this.registry],
  });
  readonly events = new Counter({
    name: 'daasvader_events_total',
    help: 'Events of the contracts that were followed, by kind',
    labelNames: ['kind'] as const,
    registers: [this.registry],
  });
  readonly applied = new Histogram({
    name: 'daasvader_event_to_applied_seconds',
    help: 'From an event being seen to its object being applied in Kubernetes',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [this.registry],
  });
  readonly requests = new Counter({
    name: 'daasvader_requests_total',
    help: 'Requests that reached an end, by outcome',
    labelNames: ['outcome'] as const,
    registers: [this.registry],
  });
  readonly transactions = new Counter({
    name: 'daasvader_transactions_total',
    help: 'Operator transactions, by outcome',
    labelNames: ['outcome'] as const,
    registers: [this.registry],
  });
  readonly csrs = new Counter({
    name: 'daasvader_csr_decisions_total',
    help: 'Certificate signing requests of nodes, by verdict',
    labelNames: ['verdict'] as const,
    registers: [this.registry],
  });
  readonly refusals = new Counter({
    name: 'daasvader_chain_refusals_total',
    help: 'What full nodes or the host told of the chain and was not believed, by reason',
    labelNames: ['code'] as const,
    registers: [this.registry],
  });
  readonly k3sRestarts = new Counter({
    name: 'daasvader_k3s_restarts_total',
    help: 'Times the Kubernetes server had to be started again',
    registers: [this.registry],
  });
  readonly canaryFailures = new Counter({
    name: 'daasvader_canary_failures_total',
    help: 'Times that what was written to Kubernetes could not be read back',
    registers: [this.registry],
  });
  readonly canarySeconds = new Gauge({
    name: 'daasvader_canary_seconds',
    help: 'How long it last took to write to Kubernetes and read it back',
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }
}
