import { namespaceOf } from '@daasvader/verifier/user.ts';
import type { KubernetesObject } from '@kubernetes/client-node';
import { beforeEach, describe, expect, test } from 'vitest';
import { Roles } from '../chain/roles.ts';
import { Tenants } from './tenants.ts';

const USER = `0x${'0a'.repeat(32)}`;
const [NONE, VIEWER, DEVELOPER, ADMIN, SUPER] = [0, 1, 2, 3, 4];
const OTHER = `0x${'0b'.repeat(32)}`;
const OWN = namespaceOf(USER);

function subject() {
  const objects = new Set<string>();
  const key = ({ kind, metadata }: KubernetesObject) => `${kind}/${metadata?.name}`;
  const kubernetes = {
    onDelete: (_: string) => {},
    apply: async <T extends KubernetesObject>(object: T) => {
      await undefined; // another change may come in between, as it does over a network
      objects.add(key(object));
      return object;
    },
    delete: async (ref: KubernetesObject) => {
      await undefined;
      kubernetes.onDelete(key(ref));
      objects.delete(key(ref));
    },
  };
  const roles = new Roles();
  const rights = () => [...objects].filter((each) => each.includes('Binding/')).sort();
  return { tenants: new Tenants(kubernetes, roles), kubernetes, roles, objects, rights };
}

test('a role has its own rights and no others', async () => {
  const { tenants, rights } = subject();
  await tenants.ensure(USER, SUPER);
  expect(rights()).toEqual([
    `ClusterRoleBinding/daasvader:super:cluster:${USER}`,
    'RoleBinding/daasvader:super',
  ]);
  await tenants.changeRole(USER, DEVELOPER);
  expect(rights()).toEqual(['RoleBinding/daasvader:developer']);
});

test('a namespace that is rebuilt after its owner withdrew has its objects and gives no rights', async () => {
  const { tenants, objects, rights } = subject();
  await tenants.ensure(USER, NONE, undefined, DEVELOPER);
  expect(objects).toContain('ResourceQuota/daasvader');
  expect(rights()).toEqual([]);
});

test('a role that changes while it is being granted ends as the last change says', async () => {
  const { tenants, rights } = subject();
  await tenants.ensure(USER, DEVELOPER);
  await Promise.all([tenants.changeRole(USER, SUPER), tenants.changeRole(USER, NONE)]);
  expect(rights()).toEqual([]);
});

test.each([
  ['the role before', DEVELOPER, ['RoleBinding/daasvader:developer']],
  ['none', NONE, []],
])('rights that were given by halves go when the role is %s again', async (_, role, expected) => {
  const { tenants, kubernetes, rights } = subject();
  if (role === DEVELOPER) await tenants.ensure(USER, DEVELOPER);
  kubernetes.onDelete = (what) => {
    if (what.includes(':granted:')) throw new Error('Kubernetes is away');
  };
  const change = role === DEVELOPER ? tenants.changeRole(USER, ADMIN) : tenants.ensure(USER, ADMIN);
  await expect(change).rejects.toThrow('away');
  expect(rights()).toContain('RoleBinding/daasvader:admin');
  kubernetes.onDelete = () => {};
  await tenants.changeRole(USER, role);
  expect(rights()).toEqual(expected);
});

test('an address without any role opens no namespace, and that stops nobody after it', async () => {
  const { tenants, rights } = subject();
  await expect(tenants.ensure(USER, NONE)).rejects.toMatchObject({ code: 'request' });
  await tenants.ensure(USER, DEVELOPER);
  expect(rights()).toEqual(['RoleBinding/daasvader:developer']);
});

describe('granted roles', () => {
  let { tenants, roles, rights } = subject();
  const event = { logId: OTHER, seq: '1' };
  const stake = (user: string, total: number) =>
    roles.stake({ kind: 'UserStakedEvent', ...event, user, amount: '1', total: `${total}`, role: 0 });
  const grant = (role: number, namespace = OWN) =>
    roles.grant({ kind: 'RoleGrantedEvent', ...event, owner: USER, namespace, user: OTHER, role });

  beforeEach(() => {
    ({ tenants, roles, rights } = subject());
    roles.propose({
      kind: 'RoleStakesProposedEvent',
      ...event,
      roleStakes: { viewer: '1', developer: '2', admin: '5', super: '10' },
      proposedAtMs: '0',
      effectiveAtMs: '0',
    });
    stake(USER, 5);
  });

  test('are bound in their namespace, changed and taken back', async () => {
    await tenants.ensure(USER, ADMIN);
    grant(VIEWER);
    await tenants.changeGrants(USER, ADMIN, OWN);
    expect(rights()).toEqual(['RoleBinding/daasvader:admin', 'RoleBinding/daasvader:granted:viewer']);
    grant(DEVELOPER);
    await tenants.changeGrants(USER, ADMIN, OWN);
    expect(rights()).toEqual(['RoleBinding/daasvader:admin', 'RoleBinding/daasvader:granted:developer']);
    grant(NONE);
    await tenants.changeGrants(USER, ADMIN, OWN);
    expect(rights()).toEqual(['RoleBinding/daasvader:admin']);
  });

  test('are there as soon as their namespace is, and never in another', async () => {
    grant(DEVELOPER);
    await tenants.ensure(OTHER, DEVELOPER);
    expect(rights()).toEqual(['RoleBinding/daasvader:developer']);
    await tenants.ensure(USER, ADMIN);
    expect(rights()).toContain('RoleBinding/daasvader:granted:developer');
  });

  test('end at once when their owner is no admin any more, and come back with the role', async () => {
    grant(ADMIN);
    await tenants.ensure(USER, ADMIN);
    stake(USER, 2);
    await tenants.changeRole(USER, roles.roleOf(USER));
    expect(rights()).toEqual(['RoleBinding/daasvader:developer']);
    stake(USER, 10);
    await tenants.changeRole(USER, roles.roleOf(USER));
    expect(rights()).toContain('RoleBinding/daasvader:granted:admin');
  });

  test('make their namespace when it is not there, but not for an owner who is no admin', async () => {
    grant(VIEWER);
    stake(USER, 2);
    await tenants.changeGrants(USER, DEVELOPER, OWN);
    expect(rights()).toEqual([]);
    stake(USER, 5);
    await tenants.changeGrants(USER, ADMIN, OWN);
    expect(rights()).toEqual(['RoleBinding/daasvader:admin', 'RoleBinding/daasvader:granted:viewer']);
  });
});
