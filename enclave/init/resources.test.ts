import { describe, expect, it } from 'vitest';
import { checkResources } from './resources.ts';

const GIB = 2 ** 30;

describe('checkResources', () => {
  it('takes the smallest machine that is promised, of which the kernel keeps a part', () => {
    expect(() => checkResources({ cpus: 2, memory: 2 * GIB * 0.95 })).not.toThrow();
  });

  it('refuses one vCPU or too little memory, and says what is needed', () => {
    for (const resources of [
      { cpus: 1, memory: 16 * GIB },
      { cpus: 8, memory: GIB },
    ])
      expect(() => checkResources(resources)).toThrow(
        expect.objectContaining({
          code: 'resources',
          message: expect.stringContaining('--cpu-count 2 --memory 2048'),
        }),
      );
  });
});
