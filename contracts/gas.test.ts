import { compilePackage } from '@daasvader/move/compile.ts';
import { CallCosts } from '@daasvader/testbed/cluster/call-costs.ts';
import { ForkedCluster } from '@daasvader/testbed/cluster/forked-cluster.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { contractFunctions } from './testing/abort-sites.ts';

const SIZES = [10, 1_000, 10_000];
/** Modules whose objects hold nothing that grows with workers, users or requests: measurements are at most 16. */
const CONSTANT = ['enclave_registry', 'lead', 'identity', 'anchor', 'image_registry'];
/** What the admin calls with one number or none, and what the host calls, which is about one balance. */
const ADMIN = ['migrate', 'propose_min_stake', 'propose_role_stakes', 'propose_fee', 'collect_fees'];
/** Functions that give what others, which are measured, send to the sender. */
const COMPOSABLE = ['register_worker', 'withdraw_stake', 'take_fees'];
/** More than a row of the table of loads takes, and far less than one byte for each of 10,000. */
const ROW_BYTES = 300;
/** What logarithmic growth allows between the sizes, and far below what linear growth would need. */
const ALLOWED_GROWTH = Math.log(10_000) / Math.log(10);

let cluster: ForkedCluster;
let costs: CallCosts;

beforeAll(async () => {
  cluster = await ForkedCluster.start();
  costs = new CallCosts(cluster);
});

afterAll(() => cluster.close());

test('no operation costs more than logarithmically more in a larger cluster', {
  timeout: 1_800_000,
}, async () => {
  const measured = SIZES.map((to) => {
    costs.grow(to);
    return costs.measure();
  });
  const [small, , large] = measured;
  await expectAllMeasured(Object.keys(small!));
  for (const name of Object.keys(small!)) {
    const [before, after] = [small![name]!, large![name]!];
    expect(after.units / before.units, name).toBeLessThan(ALLOWED_GROWTH);
    // Ids and counters get longer by a few bytes, and the worker that is picked may have no row for its load yet.
    expect(after.bytes - before.bytes, name).toBeLessThan(ROW_BYTES);
  }
});

/** That no function which a transaction may call and which costs gas was left out. */
async function expectAllMeasured(measured: string[]): Promise<void> {
  const { modules } = await compilePackage(import.meta.dirname);
  const functions = [...contractFunctions(modules).values()].filter(({ isChange }) => isChange);
  const left = functions.filter(({ name }) => {
    const [module, short] = name.split('::') as [string, string];
    const whose = module === 'staking' ? 'of a user' : 'of a worker';
    const names = [short, `${short} ${whose}`];
    const isMeasured = measured.some((each) => names.includes(each) || each.startsWith(`${short}, `));
    const isLeftOut = [...ADMIN, ...COMPOSABLE].includes(short);
    return !CONSTANT.includes(module) && !isLeftOut && !isMeasured;
  });
  expect(left.map(({ name }) => name)).toEqual([]);
}
