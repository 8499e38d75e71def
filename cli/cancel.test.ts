import { OrderCluster } from '@daasvader/testbed/cluster/order-cluster.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';

let cluster: OrderCluster;

beforeAll(async () => {
  cluster = await OrderCluster.start();
});

afterAll(() => cluster.close());

test('open requests are cancelled together, started or not', async () => {
  const [first, second] = [await cluster.order('web'), await cluster.order('api')];
  await cluster.start(first);
  const { exitCode, stdout, stderr } = await cluster.daas('cancel', `${first}`, `${second}`, `${first}`);
  expect({ exitCode, stderr }).toEqual({
    exitCode: 0,
    stderr: expect.stringMatching(
      RegExp(`^executed: \\w+\ncancelled: request ${first}, request ${second}\n$`),
    ),
  });
  expect(stdout.match(/CANCELLED .* not settled yet/g)).toHaveLength(2);
});

test.each([
  [0, 'nothing', 'nothing was applied'],
  [1, 'removed', 'what it created was removed'],
  [2, 'stays', 'what it changed stays'],
])('--wait waits for outcome %i, %s, and says it', async (outcome, name, text) => {
  const id = await cluster.order(name);
  const cancelling = cluster.run('user', 'cancel', `${id}`, '--wait', '60');
  await cancelling.told(/^cancelled: request/m);
  await cluster.settle(id, outcome);
  expect(await cancelling.ended).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(text) });
  const again = await cluster.daas('cancel', `${id}`, '--wait', '60', '--json');
  expect(again).toMatchObject({ exitCode: 0, stderr: '' });
  expect(JSON.parse(again.stdout).requests).toMatchObject([{ status: 'CANCELLED', outcome: name }]);
});

test('--wait ends at its deadline, and says how to look later', async () => {
  const id = await cluster.order('slow');
  const { exitCode, stdout, stderr } = await cluster.daas('cancel', `${id}`, '--wait', '1');
  expect(exitCode).toBe(1);
  expect(stdout).toContain('not settled yet');
  expect(stderr).toContain(`not done after 1 s; look later with: daas requests ${id}\n`);
});

test('what has ended is not cancelled; what is open is all the same', async () => {
  const [done, open] = [await cluster.order('done'), await cluster.order('open')];
  await cluster.complete(done);
  const { exitCode, stdout, stderr } = await cluster.daas('cancel', `${done}`, `${open}`, '--json');
  expect(exitCode).toBe(1);
  expect(stderr).toContain(
    `Cannot cancel request ${done}: it is COMPLETED; daas delete takes away what it made\n`,
  );
  expect(JSON.parse(stdout).requests).toMatchObject([{ status: 'COMPLETED' }, { status: 'CANCELLED' }]);
});

test("another's request is refused, and it is told who may", async () => {
  const id = await cluster.order('mine');
  const { exitCode, stdout, stderr } = await cluster.run('stranger', 'cancel', `${id}`, '--json').ended;
  expect(exitCode).toBe(1);
  const advice = 'only the wallet that asked, or the owner of the namespace, cancels a request';
  expect(stderr).toContain(advice);
  expect(JSON.parse(stdout)).toMatchObject({ ok: false, code: 'abort', advice });
});

test('at the limit a new order is refused with what to do, and a deletion goes through', async () => {
  await cluster.fill('stranger', 32);
  const order = cluster.run('stranger', 'deploy', 'more', '--image', 'web:1', '--no-service');
  const { exitCode, stderr } = await order.ended;
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(
    /ETooManyPending \(\d+\).*\n {2}daas requests shows what is open, daas cancel calls it off\n$/,
  );
  const deleted = await cluster.run('stranger', 'delete', 'web-0', '--no-service').ended;
  expect(deleted).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/PENDING +DELETE deployments\/web-0/),
  });
});

test('a number that no request has is refused before anything is cancelled', async () => {
  const id = await cluster.order('kept');
  const { exitCode, stderr } = await cluster.daas('cancel', `${id}`, '999');
  expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining('request 999') });
  const { stdout } = await cluster.daas('requests', `${id}`, '--json');
  expect(JSON.parse(stdout).requests).toMatchObject([{ status: 'PENDING' }]);
});
