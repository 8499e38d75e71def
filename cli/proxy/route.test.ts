import { expect, test } from 'vitest';
import { type ClientRequest, routeOf } from './route.ts';
import { Refusal } from './status.ts';

const NS = '/namespaces/u-a';
const deployments = `/apis/apps/v1${NS}/deployments`;

function asked(method: string, url: string, body = '', contentType = 'application/json'): ClientRequest {
  const [path = '', query = ''] = url.split('?');
  return { method, path, query: new URLSearchParams(query), contentType, body: Buffer.from(body) };
}

test.each([
  ['GET', '/api'],
  ['GET', `${deployments}?watch=true`],
  ['HEAD', '/version'],
  ['POST', `/api/v1${NS}/secrets`],
  ['PUT', `/api/v1${NS}/secrets/a`],
  ['DELETE', `/api/v1${NS}/secrets/a`],
  ['POST', `/api/v1${NS}/pods/web/exec?command=sh`],
  ['POST', `/api/v1${NS}/pods/web/portforward`],
  ['POST', `/api/v1${NS}/services/web:80/proxy/form`],
  ['POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'],
  ['POST', '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews'],
  ['POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews'],
  ['PATCH', `${deployments}/web?dryRun=All&fieldManager=kubectl`],
  ['DELETE', `${deployments}/web?dryRun=All`],
])('%s %s goes to Kubernetes itself', (method, url) => {
  expect(routeOf(asked(method, url))).toEqual({ to: 'kubernetes' });
});

test.each([
  ['POST', deployments, ''],
  ['PUT', `${deployments}/web`, ''],
  [
    'PATCH',
    `${deployments}/web?fieldManager=kubectl&force=true&fieldValidation=Strict&pretty=true&timeout=9s`,
    'fieldManager=kubectl&force=true',
  ],
  ['PATCH', `${deployments}/web/scale`, ''],
  ['PUT', `/apis/apps/v1${NS}/statefulsets/db/scale`, ''],
  [
    'DELETE',
    `${deployments}/web?propagationPolicy=Foreground&gracePeriodSeconds=0`,
    'propagationPolicy=Foreground&gracePeriodSeconds=0',
  ],
  ['POST', `/apis/autoscaling/v1${NS}/horizontalpodautoscalers`, ''],
])('%s %s is ordered', (method, url, query) => {
  expect(routeOf(asked(method, url, '{}'))).toEqual({ to: 'chain', query });
});

test.each([
  ['a deletion whose body says dry run', '', '{"dryRun":["All"]}', 'kubernetes'],
  ['a deletion whose body is none', '', '{', 'chain'],
])('%s', (_, query, body, to) => {
  expect(routeOf(asked('DELETE', `${deployments}/web${query}`, body)).to).toBe(to);
});

test('a deletion whose query alone says dry run, at which Kubernetes would not look, is refused', () => {
  expect(() => routeOf(asked('DELETE', `${deployments}/web?dryRun=All`, '{}'))).toThrow('dryRun');
});

test('a replacement that the enclave would refuse for its type is not ordered', () => {
  const type = 'application/vnd.kubernetes.protobuf';
  expect(() => routeOf(asked('PUT', `${deployments}/web`, 'k8s', type))).toThrow('send application/json');
  expect(routeOf(asked('POST', deployments, 'k8s', type)).to).toBe('chain');
});

test.each([
  ['POST', '/api/v1/namespaces', 403, 'daas namespace claim'],
  ['POST', `/apis/rbac.authorization.k8s.io/v1${NS}/roles`, 403, 'daas role grant'],
  ['DELETE', `/apis/rbac.authorization.k8s.io/v1${NS}/rolebindings/a`, 403, 'daas role grant'],
  ['POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', 403, 'CRDs'],
  ['PATCH', '/api/v1/nodes/worker-1', 403, 'drain'],
  ['POST', `/api/v1${NS}/pods/web/eviction`, 403, 'drained'],
  ['PATCH', `/api/v1${NS}/pods/web/ephemeralcontainers`, 403, 'exec'],
  ['POST', `/api/v1${NS}/serviceaccounts/default/token`, 403, 'no tokens'],
  ['PATCH', `${deployments}/web/status`, 403, 'status'],
  ['PUT', `/apis/apps/v1${NS}/replicasets/web-1/scale`, 403, 'scale'],
  ['POST', `/apis/discovery.k8s.io/v1${NS}/endpointslices`, 403, 'nobody orders these'],
  ['POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', 403, 'nobody orders these'],
  ['DELETE', deployments, 405, 'name them'],
  ['POST', '/apis/apps/v1/deployments', 403, 'nobody orders these'],
  ['POST', `${deployments}?dryrun=All`, 400, 'dryrun'],
  ['PATCH', `${deployments}/w%65b`, 400, 'plain text'],
  ['POST', '/', 405, 'Cannot POST'],
  ['PATCH', `${deployments}//web`, 403, 'Cannot PATCH'],
])('%s %s is refused at once', (method, url, status, message) => {
  expect(() => routeOf(asked(method, url, '{}'))).toThrow(expect.objectContaining({ status }));
  expect(() => routeOf(asked(method, url, '{}'))).toThrow(message);
  expect(() => routeOf(asked(method, url, '{}'))).toThrow(Refusal);
});
