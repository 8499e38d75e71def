import { decodeEvent } from '@daasvader/chain/events.ts';
import { FakeChain, OWNER } from '@daasvader/testbed/enclave/fake-chain.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';
import { beforeEach, describe, expect, test } from 'vitest';
import { ClusterState } from './cluster-state.ts';
import type { Roles } from './roles.ts';
import { GRACE_MS, KEPT_MS } from './tenure.ts';

const [NONE, VIEWER, DEVELOPER, ADMIN, SUPER] = [0, 1, 2, 3, 4];
const BOB = `0x${'0b'.repeat(32)}`;
const OWN = namespaceOf(OWNER);
const further = (index: number) => `${OWN}-${index}`;

let chain: FakeChain;
let roles: Roles;

/** One that hears of everything, from the beginning or as it happens. */
function follow(): Roles {
  const state = new ClusterState(() => undefined);
  const take = (event: FakeChain['events'][number]) => state.apply(decodeEvent(event)!);
  for (const event of chain.events) take(event);
  chain.seat(take, (nowMs) => state.roles.passTime(nowMs));
  return state.roles;
}

beforeEach(() => {
  chain = new FakeChain();
  roles = follow();
});

describe('a stake', () => {
  const EVENT = { logId: '0x1', seq: '1', amount: '1', atMs: '5', role: SUPER };
  test.each([
    [0, NONE],
    [1, VIEWER],
    [3, VIEWER],
    [4, DEVELOPER],
    [10, ADMIN],
    [19, ADMIN],
    [20, SUPER],
  ])('of %i gives role %i, whatever the event calls it', (total, role) => {
    roles.stake({ kind: 'UserStakedEvent', ...EVENT, user: OWNER, total: `${total}` });
    expect(roles.roleOf(OWNER)).toBe(role);
  });

  test('that nobody has given gives none', () => expect(roles.roleOf(BOB)).toBe(NONE));
});

describe('other stakes for roles', () => {
  const propose = (factor: number, effectiveAtMs: number, proposedAtMs = 1_000) => {
    const [viewer, developer, admin, most] = [1, 4, 10, 20].map((stake) => `${stake * factor}`);
    roles.propose({
      ...{ kind: 'RoleStakesProposedEvent', logId: '0x1', seq: '1' },
      roleStakes: { viewer: viewer!, developer: developer!, admin: admin!, super: most! },
      ...{ proposedAtMs: `${proposedAtMs}`, effectiveAtMs: `${effectiveAtMs}` },
    });
  };

  beforeEach(() => chain.hold(ADMIN));

  test('change roles when they come into effect, not before', () => {
    propose(2, 5_000);
    roles.takeChanged();
    roles.passTime(4_999);
    expect([roles.roleOf(OWNER), roles.takeChanged()]).toEqual([ADMIN, []]);
    roles.passTime(5_000);
    expect([roles.roleOf(OWNER), roles.takeChanged()]).toEqual([DEVELOPER, [OWNER]]);
  });

  test('replace those that still wait', () => {
    propose(2, 5_000);
    propose(1, 9_000);
    roles.passTime(6_000);
    expect(roles.roleOf(OWNER)).toBe(ADMIN);
  });

  test('that were due when they were replaced did count, read late, and the next ones wait', () => {
    propose(2, 5_000);
    propose(4, 10_000, 6_000);
    expect(roles.roleOf(OWNER)).toBe(DEVELOPER);
    roles.passTime(10_000);
    expect(roles.roleOf(OWNER)).toBe(VIEWER);
  });

  test('end what is kept as long after they came into effect, however late that is heard of', () => {
    propose(100, 5_000);
    roles.passTime(5_000 + GRACE_MS);
    expect(roles.phaseOf(OWNER, OWN)).toBe('suspended');
    roles.passTime(5_000 + KEPT_MS);
    expect(roles.phaseOf(OWNER, OWN)).toBe('gone');
  });
});

describe('a namespace', () => {
  const phases = (...namespaces: string[]) => namespaces.map((namespace) => roles.phaseOf(OWNER, namespace));

  test('is held by a developer, and by nobody whose stake gives less', () => {
    chain.hold(VIEWER);
    expect(phases(OWN)).toEqual(['gone']);
    chain.hold(DEVELOPER);
    expect(phases(OWN, further(1))).toEqual(['held', 'gone']);
  });

  test('is left as it is for a day, without pods until the seventh, and gone then', () => {
    chain.hold(DEVELOPER);
    chain.hold(VIEWER);
    expect(phases(OWN)).toEqual(['grace']);
    chain.pass(GRACE_MS - 1);
    expect(phases(OWN)).toEqual(['grace']);
    chain.pass(1);
    expect(phases(OWN)).toEqual(['suspended']);
    chain.pass(KEPT_MS - GRACE_MS - 1);
    expect(phases(OWN)).toEqual(['suspended']);
    chain.pass(1);
    expect(phases(OWN)).toEqual(['gone']);
  });

  test('tells whom each of these moments is about', () => {
    for (const role of [DEVELOPER, NONE]) chain.hold(role);
    chain.hold(DEVELOPER, BOB);
    roles.takeChanged();
    chain.pass(GRACE_MS - 1);
    expect(roles.takeChanged()).toEqual([]);
    chain.pass(1);
    expect(roles.takeChanged()).toEqual([OWNER]);
    chain.pass(KEPT_MS);
    expect(roles.takeChanged()).toEqual([OWNER]);
    chain.pass(KEPT_MS);
    expect(roles.takeChanged()).toEqual([]);
  });

  test('counts from before for whoever comes back in time, and anew for whoever does not', () => {
    chain.hold(DEVELOPER);
    const since = roles.heldSinceMs(OWNER, OWN);
    chain.hold(NONE);
    chain.pass(KEPT_MS - 1);
    chain.hold(DEVELOPER);
    expect([phases(OWN), roles.heldSinceMs(OWNER, OWN)]).toEqual([['held'], since]);
    chain.hold(NONE);
    chain.pass(KEPT_MS);
    chain.hold(DEVELOPER);
    expect(roles.heldSinceMs(OWNER, OWN)).toBeGreaterThan(since);
  });

  test('waits no longer because a little more of the stake is asked back', () => {
    for (const role of [ADMIN, VIEWER]) chain.hold(role);
    chain.pass(GRACE_MS / 2);
    chain.hold(NONE);
    chain.pass(GRACE_MS / 2);
    expect(phases(OWN)).toEqual(['suspended']);
  });

  test("that was claimed is lost with the role that it takes: four are an admin's, the rest a super user's", () => {
    chain.hold(SUPER);
    for (let index = 1; index <= 6; index += 1) chain.claim(further(index));
    chain.hold(ADMIN);
    expect(phases(OWN, further(1), further(4), further(5), further(6))).toEqual([
      ...['held', 'held', 'held'],
      ...['grace', 'grace'],
    ]);
    chain.release(further(1));
    expect(phases(further(1), further(5), further(6))).toEqual(['gone', 'held', 'grace']);
    chain.hold(DEVELOPER);
    expect(phases(OWN, further(2))).toEqual(['held', 'grace']);
  });

  test('that was given up and claimed again begins anew', () => {
    chain.hold(ADMIN);
    chain.claim(further(1));
    chain.pass(10);
    chain.release(further(1));
    expect(phases(further(1))).toEqual(['gone']);
    chain.claim(further(1));
    expect(roles.heldSinceMs(OWNER, further(1))).toBe(roles.heldSinceMs(OWNER, OWN) + 10);
  });

  test('of a closed account is gone with all that was claimed', () => {
    chain.hold(ADMIN);
    chain.claim(further(1));
    chain.hold(NONE);
    chain.pass(KEPT_MS);
    chain.withdraw();
    chain.hold(ADMIN);
    expect(phases(OWN, further(1))).toEqual(['held', 'gone']);
  });

  test('stands the same for whoever hears of all this at once', () => {
    chain.hold(SUPER);
    for (let index = 1; index <= 5; index += 1) chain.claim(further(index));
    chain.pass(1_000);
    chain.hold(ADMIN);
    chain.pass(GRACE_MS);
    const [early, late] = [roles, follow()];
    expect(late.tenanciesOf(OWNER)).toEqual(early.tenanciesOf(OWNER));
    expect(late.tenanciesOf(OWNER)).toContainEqual({ namespace: further(5), phase: 'suspended' });
  });
});

describe('the room of an owner', () => {
  test('is that of the role of now, and in the grace that of the one before', () => {
    for (const role of [SUPER, ADMIN]) chain.hold(role);
    expect(roles.roomOf(OWNER)).toBe(ADMIN);
    chain.hold(VIEWER);
    expect(roles.roomOf(OWNER)).toBe(ADMIN);
    chain.pass(GRACE_MS);
    expect(roles.roomOf(OWNER)).toBe(VIEWER);
  });
});

describe('a grant', () => {
  test('counts while its owner is an admin and has the namespace', () => {
    chain.grant(DEVELOPER, BOB, OWN);
    expect(roles.grantsTo(BOB)).toEqual([]);
    chain.hold(ADMIN);
    expect(roles.grantsIn(OWN)).toEqual([{ owner: OWNER, namespace: OWN, user: BOB, role: DEVELOPER }]);
    expect(roles.roleIn(OWNER, OWN, BOB)).toBe(DEVELOPER);
    chain.hold(DEVELOPER);
    expect([roles.grantsTo(BOB), roles.roleIn(OWNER, OWN, BOB)]).toEqual([[], NONE]);
  });

  test('is not one for another namespace, and a guest has no role of its own there', () => {
    chain.hold(ADMIN);
    chain.hold(SUPER, BOB);
    chain.claim(further(1));
    chain.grant(VIEWER, BOB, further(1));
    expect([OWN, further(1)].map((namespace) => roles.roleIn(OWNER, namespace, BOB))).toEqual([NONE, VIEWER]);
  });

  test('ends with the namespace that it is for', () => {
    chain.hold(ADMIN);
    chain.claim(further(1));
    chain.grant(ADMIN, BOB, further(1));
    chain.release(further(1));
    chain.claim(further(1));
    expect(roles.grantsTo(BOB)).toEqual([]);
  });

  test('ends with the account of its owner, and is none when there is another one', () => {
    chain.hold(ADMIN);
    chain.claim(further(1));
    chain.grant(ADMIN, BOB, further(1));
    chain.hold(NONE);
    chain.withdraw();
    chain.release(further(1)); // which the chain says after it
    chain.hold(ADMIN);
    chain.claim(further(1));
    expect([roles.grantsTo(BOB), roles.roleIn(OWNER, further(1), BOB)]).toEqual([[], NONE]);
  });

  test('that was taken back is none', () => {
    chain.hold(SUPER);
    chain.grant(VIEWER, BOB, OWN);
    chain.grant(NONE, BOB, OWN);
    expect([roles.grantsIn(OWN), roles.grantsTo(BOB)]).toEqual([[], []]);
  });
});
