import { expect, test } from 'vitest';
import type { RegisteredWorker } from '../chain.ts';
import { assertNotEnded } from './register.ts';

const worker: RegisteredWorker = {
  ...{ nodeId: 'worker-1', owner: '0x1', status: 'active' },
  ...{ sealToken: '', identityKey: '', tokenExpiresAtMs: 0 },
};

test('a worker that is out is not told that it is registered, but what it can do', () => {
  for (const status of ['pending', 'active', 'offline', 'draining'] as const)
    assertNotEnded({ ...worker, status });
  expect(() => assertNotEnded({ ...worker, status: 'slashed' })).toThrow('worker-agent reinstate');
  expect(() => assertNotEnded({ ...worker, status: 'left' })).toThrow('worker-agent close');
});
