import { describe, expect, test } from 'vitest';
import { fromUsed, isTooMuch, runsMore, shareOf, toHard } from './quota.ts';

const pods = (count: number) => ({ pods: count });
const nothing = (count: number) => Array.from({ length: count }, () => ({}));

describe('shareOf()', () => {
  test.each([
    ['developer', 1, '20', '4'],
    ['admin', 1, '100', '16'],
    ['admin', 3, '33', '5333m'],
    ['super', 17, '11', '1882m'],
  ] as const)('gives a %s with %i namespaces %s pods and %s CPUs in each', (role, count, most, cpu) => {
    expect(toHard(shareOf(role, nothing(count), []))).toMatchObject({ pods: most, 'requests.cpu': cpu });
  });

  test("gives no pods to whoever has no more than a viewer's role", () => {
    expect(shareOf('viewer', nothing(1), []).pods).toBe(0);
    expect(shareOf('none', nothing(1), []).pods).toBe(0);
  });

  test.each([
    ['what one has too many the others have less', [pods(90), pods(0)], [], 10],
    ['two have too many', [pods(50), pods(45), pods(0), pods(0)], [], 2],
    ['one has all there is', [pods(100), pods(0), pods(0)], [], 0],
    ['they have more than there is since the role fell', [pods(150), pods(40)], [], 0],
    ['each has its part', [pods(50), pods(50)], [], 50],
    ['others that get nothing have some', [pods(0), pods(0)], [pods(30)], 35],
  ])('keeps all of them together to what the role gives when %s', (_, shared, besides, level) => {
    expect(shareOf('admin', shared, besides).pods).toBe(level);
  });
});

test('an owner may have volumes of 2 GiB for each pod, and never reach out through a node', () => {
  expect(toHard(shareOf('developer', nothing(1), []))).toMatchObject({
    persistentvolumeclaims: '20',
    'requests.storage': '40Gi',
    'services.nodeports': '0',
    'services.loadbalancers': '0',
  });
});

test('pods that have ended are bounded too: they stay in the datastore as long as their Job', () => {
  expect(toHard(shareOf('developer', nothing(1), []))).toMatchObject({ pods: '20', 'count/pods': '200' });
  expect(toHard(shareOf('viewer', nothing(1), []))).toMatchObject({ 'count/pods': '0' });
  const used = { pods: 1, 'count/pods': 1_000_000 };
  expect(isTooMuch('developer', [used])).toBe(false);
  expect(runsMore(used, shareOf('developer', nothing(1), []))).toBe(false);
});

test('what the cluster itself puts into a namespace is beside what its owner may have', () => {
  const none = toHard(shareOf('viewer', nothing(1), []));
  expect(none).toMatchObject({
    'count/serviceaccounts': '1',
    'count/configmaps': '1',
    'count/networkpolicies.networking.k8s.io': '0',
    'count/secrets': '0',
    'count/statefulsets.apps': '0',
    'requests.storage': '0Gi',
  });
  expect(fromUsed({ 'count/configmaps': '0', 'count/serviceaccounts': '3' })).toEqual({
    'count/configmaps': 0,
    'count/serviceaccounts': 2,
  });
});

test('volumes stay when pods go, so no pods have to go for them', () => {
  const used = { pods: 1, 'requests.storage': 1_000_000 };
  expect(isTooMuch('developer', [used])).toBe(false);
  expect(isTooMuch('developer', [{ ...used, pods: 21 }])).toBe(true);
  expect(runsMore(used, { pods: 1, 'requests.storage': 0 })).toBe(false);
});

test('toHard() and fromUsed() say the same of each amount', () => {
  const share = shareOf('admin', nothing(3), []);
  expect(fromUsed(toHard(share))).toMatchObject(share);
});

test.each([
  ['requests.cpu', '1500m', 1_500],
  ['requests.cpu', '0.0001', 1],
  ['limits.cpu', '2', 2_000],
  ['limits.memory', '1Gi', 1_024],
  ['limits.memory', '1', 1],
  ['limits.memory', '100M', 96],
  ['requests.ephemeral-storage', '1e9', 954],
  ['requests.storage', '3Gi', 3_072],
  ['pods', '7', 7],
  ['pods', '1k', 1_000],
  ['pods', 'many', Number.POSITIVE_INFINITY],
])('of %s Kubernetes has used %s: %d', (name, text, amount) => {
  expect(fromUsed({ [name]: text })).toEqual({ [name]: amount });
});
