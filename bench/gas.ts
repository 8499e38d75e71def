/**
 * What every call costs in a cluster of 10, 1,000 and 10,000 workers, users, grants and requests, and what 1,000 orders
 * cost whom, on the devnet's gas, which is Sui's tables at 1,000 MIST a unit. `contracts/gas.test.ts` holds the growth.
 */
import { CallCosts, type Cost } from '@daasvader/testbed/cluster/call-costs.ts';
import { ForkedCluster } from '@daasvader/testbed/cluster/forked-cluster.ts';

const SIZES = [10, 1_000, 10_000];
const ORDERS = 1_000;
/** What is paid for an order that is carried out: by its author, by the host, and by the author who clears it away. */
const SHARES: Readonly<Record<string, readonly string[]>> = {
  'the author orders': ['submit_k8s_request'],
  'the host tells, each alone': ['start_request', 'assign_worker', 'complete_request'],
  'the author prunes': ['prune_request'],
};

const cluster = await ForkedCluster.start();
const costs = new CallCosts(cluster);
const measured = SIZES.map((size) => {
  costs.grow(size);
  return costs.measure();
});
await cluster.close();

row(
  'SUI a call; units of computation',
  SIZES.map((size) => size.toLocaleString('en')),
);
for (const name of Object.keys(measured[0]!)) {
  const cells = measured.map(
    (calls) => `${calls[name]!.sui.toFixed(6)} ${`${calls[name]!.units}`.padStart(8)}`,
  );
  row(name, cells);
}
process.stdout.write('\n');
row(
  `SUI for ${ORDERS.toLocaleString('en')} orders`,
  SIZES.map((size) => size.toLocaleString('en')),
);
for (const [who, names] of Object.entries(SHARES)) {
  row(
    who,
    measured.map((calls) => (ORDERS * sum(names.map((name) => calls[name]!))).toFixed(3)),
  );
}

function sum(calls: readonly Cost[]): number {
  return calls.reduce((total, { sui }) => total + sui, 0);
}

function row(name: string, cells: readonly string[]): void {
  process.stdout.write(`${name.padEnd(32)}${cells.map((cell) => cell.padStart(22)).join('')}\n`);
}
