import { decodeEvent } from '@daasvader/chain/events.ts';
import { FakeChain, OWNER } from '@daasvader/testbed/enclave/fake-chain.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';
import { beforeEach, describe, expect, test } from 'vitest';
import { ClusterState } from '../chain/cluster-state.ts';
import { GRACE_MS, KEPT_MS } from '../chain/tenure.ts';
import { assertMay, isKept } from './rights.ts';

const [NONE, VIEWER, DEVELOPER, ADMIN, SUPER] = [0, 1, 2, 3, 4];
const GUEST = `0x${'0b'.repeat(32)}`;
const OWN = namespaceOf(OWNER);
const FURTHER = `${OWN}-b`;

let chain: FakeChain;
let state: ClusterState;

beforeEach(() => {
  chain = new FakeChain();
  state = new ClusterState(() => undefined);
  const take = (event: FakeChain['events'][number]) => state.apply(decodeEvent(event)!);
  for (const event of chain.events) take(event);
  chain.seat(take, (nowMs) => state.roles.passTime(nowMs));
});

/** Whether it may be carried out that somebody asks for now, and when it is carried out later. */
function ask({ namespace = OWN, requester = OWNER, wasStarted = false } = {}) {
  const id = chain.ask({ namespace, requester, path: `/apis/apps/v1/namespaces/${namespace}/deployments` });
  const request = { ...state.requests.get(id)!, wasStarted };
  return {
    request,
    check: () => assertMay(request, namespace, state.roles),
  };
}

describe('assertMay()', () => {
  test('lets an owner write what the role of now is enough for', () => {
    chain.hold(ADMIN);
    expect(ask().check).not.toThrow();
  });

  test.each([NONE, VIEWER])('refuses an owner who has fallen to role %i since it was asked for', (role) => {
    chain.hold(SUPER);
    const { check } = ask();
    chain.hold(role);
    expect(check).toThrow('stake of its owner is not enough');
  });

  test('refuses what is in a namespace that nobody claimed, or that was given up', () => {
    chain.hold(SUPER);
    expect(ask({ namespace: FURTHER }).check).toThrow('not claimed');
    chain.claim(FURTHER);
    const { check } = ask({ namespace: FURTHER });
    expect(check).not.toThrow();
    chain.pass(1);
    chain.release(FURTHER);
    chain.claim(FURTHER);
    expect(check).toThrow('was given up since');
  });

  test('lets a guest write while the grant counts, as far as it goes', () => {
    chain.hold(ADMIN);
    const asGuest = () => ask({ requester: GUEST }).check;
    expect(asGuest()).toThrow('the role none may only read');
    chain.grant(VIEWER, GUEST, OWN);
    expect(asGuest()).toThrow('the role viewer may only read');
    chain.grant(ADMIN, GUEST, OWN);
    expect(asGuest()).not.toThrow();
    const before = asGuest();
    chain.hold(DEVELOPER);
    expect(before).toThrow('the role none may only read');
  });

  test('lets what had begun before a boot go on for as long as what runs beside it', () => {
    chain.hold(SUPER);
    const { check } = ask({ wasStarted: true });
    chain.hold(NONE);
    expect(check).not.toThrow();
    chain.pass(GRACE_MS);
    expect(check).toThrow('stake of its owner is not enough');
  });
});

test('what was carried out is kept until its namespace is gone, and does not come back with another one', () => {
  const { request } = ask();
  const isThere = () => isKept(request, state.roles);
  chain.hold(NONE);
  chain.pass(KEPT_MS - 1);
  expect(isThere()).toBe(true);
  chain.pass(1);
  expect(isThere()).toBe(false);
  chain.hold(SUPER);
  expect(isThere()).toBe(false);
});
