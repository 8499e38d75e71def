import { describe, expect, test } from 'vitest';
import { isSecret, pathOfObject, tenantObjects, titleOf } from './objects.ts';
import { parseManifests } from './read.ts';

const objectsOf = (namespace: string | undefined, ...yaml: string[]) =>
  tenantObjects(parseManifests('a.yaml', yaml.join('\n---\n')), namespace);

const DEPLOYMENT = 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, labels: {a: b}}';

test('what others refer to comes first, each with its path and without its namespace', () => {
  const objects = objectsOf(
    undefined,
    DEPLOYMENT,
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf, namespace: u-1}',
    'apiVersion: v1\nkind: Secret\nmetadata: {name: key, namespace: null}',
  );
  expect(objects.map(titleOf)).toEqual(['secret/key', 'configmap/conf', 'deployment.apps/web']);
  expect(objects.map(isSecret)).toEqual([true, false, false]);
  expect(objects.map(pathOfObject)).toEqual([
    '/api/v1/namespaces/default/secrets/key',
    '/api/v1/namespaces/u-1/configmaps/conf',
    '/apis/apps/v1/namespaces/default/deployments/web',
  ]);
  expect(objects[1]?.object.metadata).toEqual({ name: 'conf' });
  expect(objects[2]?.object.metadata).toEqual({ name: 'web', labels: { a: 'b' } });
  expect(objectsOf('u-2', DEPLOYMENT)[0]?.namespace).toBe('u-2');
});

test('what the cluster writes into what was fetched is not said again', () => {
  const annotations = { 'daasvader.io/request-id': '7', 'example.org/a': 'b' };
  const fetched = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', annotations } };
  const [object] = objectsOf(undefined, JSON.stringify(fetched));
  expect(object?.object.metadata).toEqual({ name: 'a', annotations: { 'example.org/a': 'b' } });
});

describe('what cannot be ordered is said of every object at once', () => {
  test.each([
    ['apiVersion: v1\nkind: Namespace\nmetadata: {name: a}', 'daas namespace claim'],
    ['apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: a}', 'daas role grant'],
    ['apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a}', 'ConfigMap'],
    ['apiVersion: extensions/v1beta1\nkind: Deployment\nmetadata: {name: a}', 'write apiVersion: apps/v1'],
    ['apiVersion: v1\nkind: Pod\nmetadata: {generateName: a-}', 'give it a name'],
    ['apiVersion: v1\nkind: Pod', 'metadata.name'],
    ['apiVersion: v1\nkind: Pod\nmetadata: {name: 5}', 'metadata.name'],
    ['apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: u-1}', 'not for u-2'],
    [DEPLOYMENT, 'deployments/web is there twice'],
  ])('%s', (yaml, why) => {
    const also = 'apiVersion: v1\nkind: Node\nmetadata: {name: n}';
    const act = () => objectsOf('u-2', DEPLOYMENT, yaml, also);
    expect(act).toThrow(expect.objectContaining({ code: 'file', message: expect.stringContaining(why) }));
    expect(act).toThrow('Node of v1');
  });
});
