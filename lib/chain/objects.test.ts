import { expect, test } from 'vitest';
import { roleStakesAt, type StakingPool } from './objects.ts';

const current = { viewer: '1', developer: '2', admin: '3', super: '4' };
const pending = { viewer: '2', developer: '4', admin: '6', super: '8' };

const pool = (roleStakes: Partial<StakingPool['roleStakes']>) =>
  ({
    roleStakes: { current, pending, effectiveAtMs: '1000', isUsed: true, ...roleStakes },
  }) as StakingPool;

test('stakes of roles that were proposed are in effect from their time on', () => {
  expect(roleStakesAt(pool({}), 999)).toEqual(current);
  expect(roleStakesAt(pool({}), 1_000)).toEqual(pending);
  expect(roleStakesAt(pool({ pending: null }), 1_000)).toEqual(current);
});

test('a pool without stakes of roles is refused', () => {
  expect(() => roleStakesAt(pool({ current: null }), 999)).toThrow(
    expect.objectContaining({ code: 'answer' }),
  );
});
