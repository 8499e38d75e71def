import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { IMAGE, LiveCluster, silent } from '@daasvader/testbed/cluster/live-cluster.ts';
import { stakeUser } from '@daasvader/testbed/cluster/steps.ts';
import type { User } from '@daasvader/testbed/cluster/user.ts';
import { WEB_PORT } from '@daasvader/testbed/vm/image.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';

// What Kubernetes promises pods about Services and probes, as a tenant has it: ordered through the chain, under every policy.
// Upstream's suite shows the same for the administrator.

const WAIT = ['--wait', '120'];
const SOON = { timeout: 90_000, interval: 250 };
const PAGE = 'still here\n';

let live: LiveCluster;
let user: User;

beforeAll(async () => {
  live = await LiveCluster.start();
  user = await stakeUser(live.cluster, silent);
});

afterAll(() => live?.[Symbol.asyncDispose]());

async function apply(name: string, ...objects: object[]): Promise<void> {
  const file = join(live.cluster.directory, `${name}.json`);
  await writeFile(file, objects.map((each) => JSON.stringify(each)).join('\n---\n'));
  await user.daas('apply', '-f', file, ...WAIT);
}

const pod = (name: string, spec: object) => ({
  ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { app: name } } },
  spec: { terminationGracePeriodSeconds: 1, ...spec },
});

const service = (name: string, app: string, spec: object) => ({
  ...{ apiVersion: 'v1', kind: 'Service', metadata: { name } },
  spec: { selector: { app }, ...spec },
});

const inPod = (name: string, script: string) => user.kubectl('exec', name, '--', 'sh', '-c', script);

test('a Service is found by its variables, and by each of its names', async () => {
  const ports = [{ name: 'http', containerPort: WEB_PORT }];
  const headless = { clusterIP: 'None', ports: [{ port: WEB_PORT }] };
  const named = [
    { name: 'web', port: 80, targetPort: 'http' },
    { name: 'other', port: 8081, targetPort: WEB_PORT },
  ];
  await apply(
    'web',
    service('web', 'web', { ports: named }),
    service('all', 'web', headless),
    pod('web', { hostname: 'one', subdomain: 'all', containers: [{ name: 'c', image: IMAGE, ports }] }),
  );
  await apply('client', pod('client', { containers: [{ name: 'c', image: IMAGE }] }));
  const address = await user.kubectl('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}');
  const variables =
    'echo $WEB_SERVICE_HOST $WEB_SERVICE_PORT $WEB_SERVICE_PORT_OTHER $WEB_PORT $ALL_SERVICE_HOST';
  expect(await inPod('client', variables)).toBe(`${address} 80 8081 tcp://${address}:80\n`);
  const namespace = namespaceOf(user.address);
  const hosts = [
    ...['web', `web.${namespace}`, `web.${namespace}.svc`, `web.${namespace}.svc.cluster.local`, 'web:8081'],
    ...[`all:${WEB_PORT}`, `one.all:${WEB_PORT}`, `one.all.${namespace}.svc.cluster.local:${WEB_PORT}`],
  ];
  for (const host of hosts)
    await expect.poll(() => inPod('client', `wget -q -O - http://${host}/`).catch(String), SOON).toBe(PAGE);
});

test('a Service leads where its selector and its ports lead now', async () => {
  await apply('moved', service('moved', 'nobody', { ports: [{ port: 80, targetPort: WEB_PORT }] }));
  const ask = (port: number) => inPod('client', `wget -q -O - http://moved:${port}/`).catch(String);
  expect(await ask(80)).toContain('Connection refused');
  await apply('moved', service('moved', 'web', { ports: [{ port: 80, targetPort: WEB_PORT }] }));
  await expect.poll(() => ask(80), SOON).toBe(PAGE);
  await apply('moved', service('moved', 'web', { ports: [{ port: 88, targetPort: WEB_PORT }] }));
  await expect.poll(() => ask(88), SOON).toBe(PAGE);
});

test('a container whose probe fails is started again, whatever the probe, and no other one', async () => {
  const often = { periodSeconds: 1, failureThreshold: 1 };
  const serve = (port: number, wait = 0) => ({
    image: IMAGE,
    command: ['sh', '-c', `sleep ${wait}; exec httpd -f -p ${port} -h /www`],
  });
  const http = (port: number, path = '/') => ({ httpGet: { port, path }, ...often });
  const containers = [
    { name: 'exec', ...serve(8001), livenessProbe: { exec: { command: ['cat', '/none'] }, ...often } },
    { name: 'http', ...serve(8002), livenessProbe: { ...http(8002, '/none'), initialDelaySeconds: 2 } },
    { name: 'tcp', ...serve(8003), livenessProbe: { tcpSocket: { port: 1 }, ...often } },
    {
      ...{ name: 'slow', ...serve(8004, 5) },
      startupProbe: { ...http(8004), failureThreshold: 60 },
      livenessProbe: http(8004),
    },
  ];
  const file = join(live.cluster.directory, 'probed.json');
  await writeFile(file, JSON.stringify(pod('probed', { containers })));
  await user.daas('apply', '-f', file);
  const restarts = async () => {
    const { items } = JSON.parse(await user.kubectl('get', 'pods', '-l', 'app=probed', '-o', 'json')) as {
      items: { status: { containerStatuses?: { name: string; started: boolean; restartCount: number }[] } }[];
    };
    const statuses = items[0]?.status.containerStatuses ?? [];
    const slow = statuses.find(({ name }) => name === 'slow');
    const again = statuses.filter(({ restartCount }) => restartCount > 0).map(({ name }) => name);
    return { again: again.sort(), isSlowOneUp: slow?.started };
  };
  await expect.poll(restarts, SOON).toEqual({ again: ['exec', 'http', 'tcp'], isSlowOneUp: true });
});
