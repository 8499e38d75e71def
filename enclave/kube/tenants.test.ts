import type { KubernetesObject } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { Tenants } from './tenants.ts';

const USER = `0x${'0a'.repeat(32)}`;
const [NONE, DEVELOPER, SUPER] = [0, 2, 4];

function subject() {
  const objects = new Set<string>();
  const key = ({ kind, metadata }: KubernetesObject) => `${kind}/${metadata?.name}`;
  const kubernetes = {
    apply: async <T extends KubernetesObject>(object: T) => {
      await undefined; // another change may come in between, as it does over a network
      objects.add(key(object));
      return object;
    },
    delete: async (ref: KubernetesObject) => {
      await undefined;
      objects.delete(key(ref));
    },
  };
  const rights = () => [...objects].filter((each) => each.includes('Binding/')).sort();
  return { tenants: new Tenants(kubernetes), objects, rights };
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

test('an address without any role opens no namespace, and that stops nobody after it', async () => {
  const { tenants, rights } = subject();
  await expect(tenants.ensure(USER, NONE)).rejects.toMatchObject({ code: 'request' });
  await tenants.ensure(USER, DEVELOPER);
  expect(rights()).toEqual(['RoleBinding/daasvader:developer']);
});
