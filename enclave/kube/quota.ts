import type { Role } from '@daasvader/chain/codes.ts';

/** Amounts by the name that quotas have for them: CPU in thousandths, bytes in MiB, everything else as it is counted. */
export type Amounts = Readonly<Record<string, number>>;

const MIB_PER_GIB = 1_024;
const MIB_BITS = 20;
/** What claims of volumes ask for; they stay when pods go. */
const STORAGE = 'requests.storage';

/** With those that have ended, which a Job keeps as long as it is there: so many for each that may run. */
const PODS_KEPT = 10;

/** Kinds of which an owner may have as many objects as pods. */
const COUNTED = [
  'services',
  'configmaps',
  'secrets',
  'serviceaccounts',
  'deployments.apps',
  'statefulsets.apps',
  'daemonsets.apps',
  'jobs.batch',
  'cronjobs.batch',
  'ingresses.networking.k8s.io',
  'networkpolicies.networking.k8s.io',
  'horizontalpodautoscalers.autoscaling',
  'poddisruptionbudgets.policy',
];

/** What an owner may have in all namespaces together, by role; stakes buy room. */
const CEILINGS: Record<Exclude<Role, 'none' | 'viewer'>, Amounts> = {
  developer: ceiling({ pods: 20, cpu: 4, memoryGi: 8 }),
  admin: ceiling({ pods: 100, cpu: 16, memoryGi: 32 }),
  super: ceiling({ pods: 200, cpu: 32, memoryGi: 64 }),
};

function ceiling({ pods, cpu, memoryGi }: { pods: number; cpu: number; memoryGi: number }): Amounts {
  return {
    pods,
    'count/pods': PODS_KEPT * pods,
    'requests.cpu': cpu * 1_000,
    'limits.cpu': 4 * cpu * 1_000,
    'limits.memory': memoryGi * MIB_PER_GIB,
    'requests.ephemeral-storage': pods * MIB_PER_GIB,
    'limits.ephemeral-storage': 2 * pods * MIB_PER_GIB,
    [STORAGE]: 2 * pods * MIB_PER_GIB,
    persistentvolumeclaims: pods,
    ...Object.fromEntries(COUNTED.map((resource) => [`count/${resource}`, pods])),
  };
}

/** What a namespace may have in which nothing more may be, whatever it holds already. */
export const NO_ROOM: Amounts = Object.fromEntries(Object.keys(CEILINGS.developer).map((name) => [name, 0]));
/** Nothing may reach out of the namespace through the machine it runs on. */
const NEVER: Amounts = { 'services.nodeports': 0, 'services.loadbalancers': 0 };
/** What the cluster itself puts into each namespace, beside what its owner may have. */
const GIVEN: Amounts = {
  'count/configmaps': 1, // the authority of the API server
  'count/serviceaccounts': 1,
};

/**
 * What each namespace of an owner may have, so that all of them never have more together than the role gives.
 *
 * @param role the owner's
 * @param shared what those have of now among which it is divided, without what each of them is known to have none
 * @param besides what others of the owner's have that get nothing any more
 */
export function shareOf(role: Role, shared: readonly Amounts[], besides: readonly Amounts[]): Amounts {
  if (role === 'none' || role === 'viewer') return NO_ROOM;
  const levels = Object.entries(CEILINGS[role]).map(([name, most]) => {
    const rest = besides.reduce((left, used) => left - (used[name] ?? 0), most);
    return [
      name,
      waterLevel(
        rest,
        shared.map((used) => used[name] ?? 0),
      ),
    ] as const;
  });
  return Object.fromEntries(levels);
}

/** The most that each may have so that all, those included that have more than that already, keep to the ceiling. */
function waterLevel(ceiling: number, used: readonly number[]): number {
  let rest = ceiling;
  let sharers = used.length;
  for (const amount of used.toSorted((a, b) => b - a)) {
    const level = Math.max(0, Math.floor(rest / sharers));
    if (amount <= level) return level;
    rest -= amount;
    sharers -= 1;
  }
  return 0;
}

/** Whether what runs in all namespaces together is more than a role gives. */
export function isTooMuch(role: Role, used: readonly Amounts[]): boolean {
  const most = role === 'none' || role === 'viewer' ? NO_ROOM : CEILINGS[role];
  const sum = (name: string) => used.reduce((total, each) => total + (each[name] ?? 0), 0);
  return Object.entries(most).some(([name, amount]) => isRunning(name) && sum(name) > amount);
}

/** Whether more runs in a namespace than it may have. */
export function runsMore(used: Amounts, share: Amounts): boolean {
  return Object.entries(used).some(([name, amount]) => isRunning(name) && amount > (share[name] ?? amount));
}

/** Amounts as a namespace's quota has them. */
export function toHard(amounts: Amounts): Record<string, string> {
  const texts = Object.entries({ ...amounts, ...NEVER }).map(([name, amount]) => [
    name,
    toText(name, amount + (GIVEN[name] ?? 0)),
  ]);
  return Object.fromEntries(texts);
}

/** What a quota says that there is, rounded up; what cannot be read is more than anybody may have. */
export function fromUsed(used: Readonly<Record<string, string>>): Amounts {
  const amounts = Object.entries(used).map(([name, text]) => {
    return [name, Math.max(0, toAmount(name, text) - (GIVEN[name] ?? 0))];
  });
  return Object.fromEntries(amounts);
}

function toText(name: string, amount: number): string {
  if (isCpu(name)) return amount % 1_000 === 0 ? `${amount / 1_000}` : `${amount}m`;
  if (isBytes(name)) return amount % MIB_PER_GIB === 0 ? `${amount / MIB_PER_GIB}Gi` : `${amount}Mi`;
  return `${amount}`;
}

/** By https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/ */
const QUANTITY = /^([0-9.]+(?:[eE][+-]?[0-9]+)?)(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/;
const DECIMAL: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const BINARY: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };

function toAmount(name: string, text: string): number {
  const [, digits, suffix = ''] = QUANTITY.exec(text) ?? [];
  const tens = (DECIMAL[suffix] ?? 0) + (isCpu(name) ? 3 : 0);
  const twos = (BINARY[suffix] ?? 0) - (isBytes(name) ? MIB_BITS : 0);
  const amount = Math.ceil(Number(digits) * 10 ** tens * 2 ** twos);
  return Number.isFinite(amount) ? amount : Number.POSITIVE_INFINITY;
}

/** Whether it is there as long as pods are. */
function isRunning(name: string): boolean {
  return name === 'pods' || (name !== STORAGE && (isCpu(name) || isBytes(name)));
}

function isCpu(name: string): boolean {
  return name.endsWith('.cpu');
}

function isBytes(name: string): boolean {
  return name === STORAGE || name.endsWith('.memory') || name.endsWith('.ephemeral-storage');
}
