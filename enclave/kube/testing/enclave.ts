import { pino } from 'pino';
import { Audit } from '../../audit/audit.ts';
import { ClusterState } from '../../chain/cluster-state.ts';
import { Metrics } from '../../metrics.ts';
import { Reactor } from '../../reactor.ts';
import { Executor } from '../executor.ts';
import type { Nodes } from '../nodes.ts';
import type { OrderOptions } from '../order.ts';
import type { RetryLimits } from '../retry.ts';
import type { Tenants } from '../tenants.ts';
import type { FakeChain } from './chain.ts';

const log = pino({ enabled: false });

/** What carries orders out. */
export interface Hands extends Pick<OrderOptions, 'kubernetes' | 'tracker'> {
  readonly tenants: Tenants;
  readonly limits?: RetryLimits;
}

/** The part of an enclave that carries out orders, from its boot on: it knows what the chain said before. */
export async function bootEnclave(chain: FakeChain, { kubernetes, tracker, tenants, limits }: Hands) {
  const state = new ClusterState();
  const metrics = new Metrics();
  const whenFresh = () => Promise.resolve();
  const reactor = new Reactor({ state, whenFresh, log, metrics });
  for (const event of chain.events) reactor.onEvent(event);
  const writer = chain.seat(reactor.onEvent);
  const executor = new Executor({
    ...{ kubernetes, tracker, tenants, state, writer, whenFresh, metrics, log },
    ...{ seat: {} as never, audit: new Audit(() => undefined), ...(limits && { limits }) },
  });
  await reactor.rebuild({ executor, tenants, nodes: {} as Nodes });
  return { state };
}
