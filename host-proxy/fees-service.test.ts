import { encodeEvent } from '@daasvader/chain/events.ts';
import { expect, test } from 'vitest';
import { HostProxyError } from './error.ts';
import { FeesService } from './fees-service.ts';
import { CLUSTER, FakeChain, hostOn, id, registryOf } from './testing/fake-chain.ts';

function feesOn() {
  const chain = new FakeChain();
  chain.objects.set(CLUSTER.registryId, registryOf(CLUSTER.packageId));
  const type = `${CLUSTER.packageId}::k8s_scheduler::FeesCollectedEvent`;
  const fields = { logId: CLUSTER.schedulerId, seq: 1, host: id('9'), amount: 700 };
  chain.events = [{ type, bytes: encodeEvent('FeesCollectedEvent', fields) }];
  return { chain, fees: new FeesService(hostOn(chain)) };
}

test('collect() says how much the contracts paid out, and to whom', async () => {
  const { chain, fees } = feesOn();
  expect(await fees.collect()).toEqual({ digest: 'digest', host: id('9'), mist: '700' });
  expect(chain.executed[0]!.getData().commands).toMatchObject([
    { MoveCall: { package: CLUSTER.packageId, module: 'k8s_scheduler', function: 'collect_fees' } },
  ]);
});

test('what failed before anything was signed can be tried as often as it takes', async () => {
  const { chain, fees } = feesOn();
  const { coins } = chain;
  chain.coins = async () => {
    throw new HostProxyError('chain', 'Cannot list coins');
  };
  for (let i = 0; i < 20; i += 1) await expect(fees.collect()).rejects.toMatchObject({ code: 'chain' });
  chain.coins = coins;
  await fees.collect();
});

test('collecting again and again does not use up the gas', async () => {
  const { chain, fees } = feesOn();
  for (let i = 0; i < 12; i += 1) await fees.collect();
  await expect(fees.collect()).rejects.toMatchObject({ code: 'budget' });
  expect(chain.executed).toHaveLength(12);
});
