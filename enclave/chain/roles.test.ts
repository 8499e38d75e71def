import { beforeEach, expect, test } from 'vitest';
import { Roles } from './roles.ts';

const [ALICE, BOB] = ['0xa', '0xb'];
const EVENT = { logId: '0x1', seq: '1' };

let roles: Roles;

function propose(factor: number, effectiveAtMs: number, proposedAtMs = 0): void {
  const stake = (amount: number) => `${amount * factor}`;
  roles.propose({
    kind: 'RoleStakesProposedEvent',
    ...EVENT,
    roleStakes: { viewer: stake(1), developer: stake(4), admin: stake(10), super: stake(20) },
    proposedAtMs: `${proposedAtMs}`,
    effectiveAtMs: `${effectiveAtMs}`,
  });
}

function stake(total: number): void {
  roles.stake({ kind: 'UserStakedEvent', ...EVENT, user: ALICE, amount: '1', total: `${total}`, role: 4 });
}

function grant(role: number): void {
  roles.grant({ kind: 'RoleGrantedEvent', ...EVENT, owner: ALICE, namespace: 'u-a', user: BOB, role });
}

beforeEach(() => {
  roles = new Roles();
  propose(1, 0);
});

test.each([
  [0, 0],
  [1, 1],
  [3, 1],
  [4, 2],
  [10, 3],
  [19, 3],
  [20, 4],
])('a stake of %i gives role %i, whatever the event calls it', (total, role) => {
  stake(total);
  expect(roles.roleOf(ALICE)).toBe(role);
});

test('who never staked has no role', () => expect(roles.roleOf(BOB)).toBe(0));

test('other stakes change roles when they come into effect, not before', () => {
  stake(10);
  propose(2, 5_000);
  expect(roles.passTime(4_999)).toBe(false);
  expect(roles.roleOf(ALICE)).toBe(3);
  expect(roles.passTime(5_000)).toBe(true);
  expect(roles.roleOf(ALICE)).toBe(2);
  expect(roles.passTime(1)).toBe(false);
  expect(roles.roleOf(ALICE)).toBe(2);
});

test('a proposal replaces one that still waits', () => {
  stake(10);
  propose(2, 5_000);
  propose(1, 9_000);
  roles.passTime(6_000);
  expect(roles.roleOf(ALICE)).toBe(3);
});

test('read late, a proposal that was due when it was replaced did count, and the next one waits', () => {
  stake(10);
  propose(2, 5_000);
  propose(4, 10_000, 6_000);
  expect(roles.roleOf(ALICE)).toBe(2);
  roles.passTime(10_000);
  expect(roles.roleOf(ALICE)).toBe(1);
});

test('a grant counts while its owner is an admin', () => {
  grant(2);
  expect(roles.grantsTo(BOB)).toEqual([]);
  stake(10);
  expect(roles.grantsIn('u-a')).toEqual([{ owner: ALICE, namespace: 'u-a', user: BOB, role: 2 }]);
  propose(2, 1_000);
  roles.passTime(1_000);
  expect(roles.grantsTo(BOB)).toEqual([]);
});

test('a grant that was taken back is none', () => {
  stake(20);
  grant(1);
  grant(0);
  expect(roles.grantsIn('u-a')).toEqual([]);
  expect(roles.grantsTo(BOB)).toEqual([]);
});
