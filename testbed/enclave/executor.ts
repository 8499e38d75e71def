import { Audit } from '@daasvader/enclave/audit/audit.ts';
import { ClusterState } from '@daasvader/enclave/chain/cluster-state.ts';
import type { Roles } from '@daasvader/enclave/chain/roles.ts';
import { EnclaveError } from '@daasvader/enclave/error.ts';
import { Answers } from '@daasvader/enclave/kube/answers.ts';
import type { Blobs } from '@daasvader/enclave/kube/blobs.ts';
import { Executor } from '@daasvader/enclave/kube/executor.ts';
import type { Nodes } from '@daasvader/enclave/kube/nodes.ts';
import type { OrderOptions } from '@daasvader/enclave/kube/order.ts';
import { objectOf } from '@daasvader/enclave/kube/replay.ts';
import type { RetryLimits } from '@daasvader/enclave/kube/retry.ts';
import type { Tenants } from '@daasvader/enclave/kube/tenants.ts';
import { Metrics } from '@daasvader/enclave/metrics.ts';
import { Reactor } from '@daasvader/enclave/reactor.ts';
import { pino } from 'pino';
import type { FakeChain } from './fake-chain.ts';

const log = pino({ enabled: false });
const NO_BLOBS: Blobs = {
  fetch: () => Promise.reject(new EnclaveError('request', 'Cannot fetch a blob: there is none')),
};

/** What carries orders out. */
export interface Hands extends Pick<OrderOptions, 'kubernetes' | 'tracker'> {
  readonly tenants: (roles: Roles) => Tenants;
  readonly limits?: RetryLimits;
  /** Without them there is no body that lies elsewhere. */
  readonly blobs?: Blobs;
}

/** The part of an enclave that carries out orders, from its boot on: it knows what the chain said before, and its time. */
export async function bootEnclave(
  chain: FakeChain,
  { kubernetes, tracker, tenants: tenantsOf, limits, blobs = NO_BLOBS }: Hands,
) {
  const state = new ClusterState(objectOf);
  const metrics = new Metrics();
  const whenFresh = () => Promise.resolve();
  const reactor = new Reactor({ state, whenFresh, log, metrics });
  for (const event of chain.events) reactor.onEvent(event);
  const writer = chain.seat(reactor.onEvent, reactor.onTime);
  const tenants = tenantsOf(state.roles);
  const answers = new Answers(state.requests);
  const executor = new Executor({
    ...{ answers, blobs, kubernetes, tracker, tenants, state, writer, whenFresh, metrics, log },
    ...{ seat: {} as never, audit: new Audit(() => undefined), ...(limits && { limits }) },
  });
  await reactor.rebuild({ executor, tenants, nodes: {} as Nodes });
  return { state, tenants, answers };
}
