import { resolve } from 'node:path';
import { Cluster } from '@daasvader/testbed/cluster/cluster.ts';
import { ClusterDirectory } from '@daasvader/testbed/cluster/directory.ts';
import { findK3s } from '@daasvader/testbed/cluster/k3s.ts';
import { silent, TEST_RUN } from '@daasvader/testbed/cluster/live-cluster.ts';
import { buildSuite, startSuiteCluster } from '@daasvader/testbed/conformance/cluster.ts';
import { EXPECTED_FAILURES } from '@daasvader/testbed/conformance/expected.ts';
import type { SuiteReport } from '@daasvader/testbed/conformance/report.ts';
import { runSuite } from '@daasvader/testbed/conformance/suite.ts';
import { formatFaults } from '@daasvader/testbed/conformance/table.ts';
import { judge } from '@daasvader/testbed/conformance/verdict.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';

// A part of upstream's conformance suite that takes some minutes: of each group the quick specs, and of the network what it
// is for. `make conformance` runs all of it.

const OUTPUT = resolve(import.meta.dirname, '../build/conformance-part');
const DEADLINE_MINUTES = 12;
/** The suite is built first where it is not yet. */
const TIMEOUT_MS = 40 * 60_000;

/** What is claimed, and the specs that show it. */
const CLAIMS = {
  'names are told as Kubernetes says': /sig-network\] DNS should provide/,
  'the API server reaches pods and Services': /sig-network\] Proxy version v1/,
  'Services and their endpoints are as written':
    /sig-network\] (EndpointSlice should create Endpoints|Services should find a service|Ingress API)/,
  'Deployments and Jobs run, roll over and scale':
    /sig-apps\] (Deployment RollingUpdateDeployment|ReplicaSet should adopt|Job should run a job to completion)/,
  'containers get what their pods say':
    /sig-node\] (Variable Expansion should allow|Secrets should be consumable|Pods should get a host IP|Security Context when creating containers)/,
  'volumes hold what they should':
    /sig-storage\] (EmptyDir volumes should support \(root,0777|ConfigMap should be consumable from pods in volume (as|with)|Projected combined)/,
  'kubectl works': /sig-cli\] Kubectl client (Kubectl (version|label|expose|replace)|Proxy server)/,
  'the API is validated, and discovered':
    /sig-api-machinery\] (FieldValidation|Discovery|ResourceQuota should create a ResourceQuota and ensure)/,
};

const cleanup = new AsyncDisposableStack();
let report: SuiteReport;

beforeAll(async () => {
  const { signal } = new AbortController();
  const programs = await buildSuite(signal);
  const k3s = await findK3s(signal);
  const { path: directory } = cleanup.use(await ClusterDirectory.take(TEST_RUN));
  const cluster = cleanup.use(await Cluster.create({ directory, k3s, signal }));
  await startSuiteCluster(cluster, programs, silent);
  const focus = Object.values(CLAIMS)
    .map(({ source }) => source)
    .join('|');
  report = await runSuite({
    ...{ cluster, programs, focus, output: OUTPUT, tell: () => {} },
    ...{ processes: 12, deadline: DEADLINE_MINUTES },
  });
}, TIMEOUT_MS);

afterAll(() => cleanup.disposeAsync());

test.each(Object.entries(CLAIMS))('upstream: %s', (_, specs) => {
  const part = report.specs.filter(({ name }) => specs.test(name));
  expect(part).not.toEqual([]);
  const verdict = judge({ ...report, specs: part, problems: [] }, EXPECTED_FAILURES);
  expect(formatFaults(verdict)).toBe('');
});

test('nothing went wrong beside the specs', () => {
  expect(report.problems).toEqual([]);
});
