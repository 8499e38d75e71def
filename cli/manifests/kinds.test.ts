import { expect, test } from 'vitest';
import { apiVersionOf, findKind, pathOf, TENANT_KINDS } from './kinds.ts';

test('a kind is found in its group and version only', () => {
  expect(findKind('apps/v1', 'Deployment')?.resource).toBe('deployments');
  expect(findKind('v1', 'Secret')).toMatchObject({ group: '', version: 'v1', resource: 'secrets' });
  expect(findKind('autoscaling/v1', 'HorizontalPodAutoscaler')?.version).toBe('v1');
  for (const [apiVersion, kind] of [
    ['v1', 'Deployment'],
    ['apps/v1beta1', 'Deployment'],
    ['rbac.authorization.k8s.io/v1', 'Role'],
    ['v1', 'Namespace'],
    ['v1', 'constructor'],
  ] as const) {
    expect(findKind(apiVersion, kind)).toBeUndefined();
  }
});

test('each kind has one row', () => {
  const rows = TENANT_KINDS.map((each) => `${apiVersionOf(each)} ${each.kind}`);
  expect(new Set(rows).size).toBe(rows.length);
});

test('an object is where the API server has it, whatever its name holds', () => {
  const [secrets, deployments] = [findKind('v1', 'Secret'), findKind('apps/v1', 'Deployment')];
  expect(pathOf(secrets!, 'u-1', 'key')).toBe('/api/v1/namespaces/u-1/secrets/key');
  expect(pathOf(deployments!, 'u-1')).toBe('/apis/apps/v1/namespaces/u-1/deployments');
  expect(pathOf(deployments!, 'a/b', '../x?y')).toBe('/apis/apps/v1/namespaces/a%2Fb/deployments/..%2Fx%3Fy');
});
