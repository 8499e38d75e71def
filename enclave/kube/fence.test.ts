import type { V1ConfigMap } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { Fence } from './fence.ts';

const DAY_MS = 86_400_000;

function subject() {
  let now = 0;
  let isDown = false;
  const written: string[][] = [];
  const apply = async <T>(object: T) => {
    await undefined; // another change may come in between, as it does over a network
    if (isDown) throw new Error('down');
    written.push(Object.keys((object as V1ConfigMap).data ?? {}));
    return object;
  };
  const fence = new Fence({ apply } as ConstructorParameters<typeof Fence>[0], () => now);
  return {
    fence,
    last: () => written.at(-1),
    pass: (ms: number) => (now += ms),
    setDown: (value: boolean) => (isDown = value),
  };
}

test('names everyone who is kept out, also when several are at once', async () => {
  const { fence, last } = subject();
  await Promise.all([fence.close('worker-1'), fence.close('worker-2'), fence.close('worker-3')]);
  expect(last()).toEqual(['worker-1', 'worker-2', 'worker-3']);
  await fence.open('worker-2');
  expect(last()).toEqual(['worker-1', 'worker-3']);
});

test('keeps a name until the last certificate of before is dead, and no longer', async () => {
  const { fence, last, pass } = subject();
  await fence.close('worker-1');
  pass(DAY_MS);
  await fence.close('worker-2');
  expect(last()).toEqual(['worker-1', 'worker-2']);
  pass(DAY_MS);
  await fence.close('worker-3');
  expect(last()).toEqual(['worker-2', 'worker-3']);
});

test('a change that Kubernetes did not take is an error, and is made when it is asked for again', async () => {
  const { fence, last, setDown } = subject();
  await fence.close('worker-1');
  setDown(true);
  await expect(fence.open('worker-1')).rejects.toThrow('down');
  setDown(false);
  await fence.open('worker-1');
  expect(last()).toEqual([]);
});
