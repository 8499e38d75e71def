import { setTimeout as sleep } from 'node:timers/promises';
import { claimNamespace, grantRole, requestWithdraw } from '@daasvader/chain/calls/user.ts';
import { ROLE } from '@daasvader/chain/codes.ts';
import { type Attack, refused } from './attack.ts';
import type { Field } from './field.ts';
import type { Order, Tenant, TenantRole } from './tenant.ts';

const CONFIG_MAP = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'fallen' }, data: { a: 'b' } };
/** From an admin's 5 SUI to a viewer's 0.5. */
const WITHDRAWN_MIST = 4_500_000_000n;
const IN_FORCE_TIMEOUT_MS = 20_000;
const POLL_MS = 200;

/** The namespace that the fallen one claimed while it was an admin. */
export const claimedBy = ({ namespace }: Tenant) => `${namespace}-shop`;

const configMaps = (namespace: string) => `/api/v1/namespaces/${namespace}/configmaps`;

/** An order of a kind that takes more than the role of whoever asks for it. */
const above = (role: TenantRole, what: string, order: (namespace: string) => Order): Attack => ({
  attack: `orders ${what} as ${role}`,
  expected: 'FAILED for the role',
  refusal: /^FAILED .*(cannot create resource|priorityClassName)/,
  run: ({ tenants: { [role]: tenant } }) => tenant.order(order(tenant.namespace)),
});

const workload = (namespace: string, kind: 'Deployment' | 'DaemonSet', podSpec: object = {}): Order => {
  const labels = { app: 'above' };
  const container = { name: 'c', image: 'docker.io/library/test:1' };
  const template = { metadata: { labels }, spec: { containers: [container], ...podSpec } };
  const spec = { selector: { matchLabels: labels }, template };
  return {
    path: `/apis/apps/v1/namespaces/${namespace}/${kind.toLowerCase()}s`,
    body: { apiVersion: 'apps/v1', kind, metadata: { name: 'above' }, spec },
  };
};
const autoscaler = (namespace: string): Order => ({
  path: `/apis/autoscaling/v2/namespaces/${namespace}/horizontalpodautoscalers`,
  body: {
    ...{ apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name: 'above' } },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'above' },
      ...{ minReplicas: 1, maxReplicas: 2 },
    },
  },
});

/** What the contracts refuse the fallen one. */
const notTaken = (
  attack: string,
  reason: RegExp,
  run: (fallen: Tenant, field: Field) => Promise<string>,
): Attack => ({
  attack,
  expected: `not taken: ${reason.source}`,
  refusal: new RegExp(`^not taken: .*(${reason.source})`),
  run: (field) => run(field.fallen, field),
});

/** What kubectl is refused as soon as the fall is in force, though its certificate is from before. */
const closed = (attack: string, run: (field: Field) => Promise<string>): Attack =>
  refused(attack, async (field) => {
    for (const deadline = Date.now() + IN_FORCE_TIMEOUT_MS; ; await sleep(POLL_MS)) {
      const seen = await run(field);
      if (!seen.startsWith('200') || Date.now() > deadline) return seen;
    }
  });

/** What somebody tries whose role is not enough, or not any more. */
export const ROLE_ATTACKS: Attack[] = [
  above('developer', 'an autoscaler', autoscaler),
  above('developer', 'a DaemonSet', (namespace) => workload(namespace, 'DaemonSet')),
  above('admin', 'a DaemonSet', (namespace) => workload(namespace, 'DaemonSet')),
  above('admin', 'pods before all others', (namespace) =>
    workload(namespace, 'Deployment', { priorityClassName: 'daasvader-high' }),
  ),
  {
    attack: 'orders in the very transaction that takes the stake back',
    expected: 'FAILED for the stake',
    refusal: /^FAILED .*stake of its owner is not enough/,
    run: async ({ fallen }) => {
      const order = { path: configMaps(fallen.namespace), body: CONFIG_MAP };
      const [id] = await fallen.place([order], (tx, ids) => requestWithdraw(tx, ids, WITHDRAWN_MIST));
      return fallen.end(id ?? 0n);
    },
  },
  notTaken('orders after its role fell', /ERoleTooLow/, (fallen) =>
    fallen.order({ path: configMaps(fallen.namespace), body: CONFIG_MAP }),
  ),
  notTaken('deletes after its role fell', /ERoleTooLow/, (fallen) =>
    fallen.order({ method: 'DELETE', path: `${configMaps(fallen.namespace)}/before`, body: '' }),
  ),
  notTaken('orders in what it claimed as an admin', /EBadNamespace|ERoleTooLow/, (fallen) =>
    fallen.order({ path: configMaps(claimedBy(fallen)), body: CONFIG_MAP }),
  ),
  notTaken('claims another namespace after its role fell', /ENotAdmin/, (fallen) =>
    fallen.try((tx, ids) => claimNamespace(tx, ids, `${fallen.namespace}-more`)),
  ),
  notTaken('grants a role after its own fell', /ENotAdmin/, (fallen, { tenants: { super: guest } }) =>
    fallen.try((tx, ids) =>
      grantRole(tx, ids, { namespace: fallen.namespace, user: guest.user.address, role: ROLE.developer }),
    ),
  ),
  notTaken('orders as the guest of who fell', /EBadNamespace/, (fallen, { tenants: { developer } }) =>
    developer.order({ path: configMaps(fallen.namespace), body: CONFIG_MAP }),
  ),
  closed('reads Secrets with the certificate of the admin that it was', ({ fallen }) =>
    fallen.peer.try({ path: `/api/v1/namespaces/${fallen.namespace}/secrets` }),
  ),
  closed('reads Secrets of what it claimed as an admin', ({ fallen }) =>
    fallen.peer.try({ path: `/api/v1/namespaces/${claimedBy(fallen)}/secrets` }),
  ),
  closed('reads as the guest of who fell', ({ fallen, tenants: { developer } }) =>
    developer.peer.try({ path: configMaps(fallen.namespace) }),
  ),
  {
    attack: 'has lost what was ordered before the fall',
    expected: 'it is there for a day',
    refusal: /^200 /,
    run: ({ fallen, administrator }) =>
      administrator.try({ path: `${configMaps(claimedBy(fallen))}/before` }),
  },
];
