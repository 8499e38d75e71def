import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { IMAGE, LiveCluster } from '@daasvader/testbed/cluster/live-cluster.ts';
import { User } from '@daasvader/testbed/cluster/user.ts';
import { WEB_PORT } from '@daasvader/testbed/vm/image.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';

// What users order from files, through the chain and into Kubernetes.

const WAIT = ['--wait', '120'];

let live: LiveCluster;
let user: User;

beforeAll(async () => {
  live = await LiveCluster.start();
  user = await User.create(live.cluster, 'user');
  await user.daas('stake', '2');
  await user.untilRole();
  await user.login();
});

afterAll(() => live?.[Symbol.asyncDispose]());

async function write(name: string, ...objects: object[]): Promise<string> {
  const file = join(live.cluster.directory, name);
  await writeFile(file, objects.map((each) => JSON.stringify(each)).join('\n---\n'));
  return file;
}

const configMap = (name: string, data: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});

/** Applies a file with what else is given, and gives the status of each object by its name. */
async function apply(file: string, ...args: string[]): Promise<Record<string, string>> {
  const { objects } = (await user.json('apply', '-f', file, ...WAIT, ...args)) as {
    objects: { name: string; status: string }[];
  };
  return Object.fromEntries(objects.map(({ name, status }) => [name, status]));
}

async function read(resource: string, name: string) {
  return JSON.parse(await user.kubectl('get', resource, name, '-o', 'json', '--show-managed-fields'));
}

/** What a command that must fail says. */
const failure = (...args: string[]) => user.daas(...args).then(String, (error: Error) => error.message);

test('an app of a ConfigMap, a Secret, a Deployment and a Service runs, and is taken away again', async () => {
  const labels = { app: 'site' };
  const container = {
    name: 'site',
    image: IMAGE,
    ports: [{ containerPort: WEB_PORT }],
    envFrom: [{ configMapRef: { name: 'site' } }, { secretRef: { name: 'site' } }],
  };
  const template = { metadata: { labels }, spec: { containers: [container] } };
  const file = await write(
    'site.yaml',
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'site-web' },
      spec: { selector: { matchLabels: labels }, template },
    },
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'site' }, stringData: { PASSWORD: 'hidden' } },
    configMap('site', { COLOUR: 'blue' }),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'site-port' },
      spec: { selector: labels, ports: [{ port: 80, targetPort: WEB_PORT }] },
    },
  );
  await user.daas('apply', '-f', file, '--dry-run');
  expect(await user.kubectl('get', 'configmaps', 'site', '--ignore-not-found')).toBe('');
  expect(await apply(file)).toEqual({ site: 'COMPLETED', 'site-web': 'COMPLETED', 'site-port': 'COMPLETED' });
  const pod = await user.untilRunning('site', 60_000);
  const variables = await user.kubectl('exec', pod.name, '--', 'sh', '-c', 'echo $COLOUR $PASSWORD');
  expect(variables).toBe('blue hidden\n');
  const { metadata } = await read('configmap', 'site');
  expect(metadata.managedFields).toContainEqual(
    expect.objectContaining({ manager: 'daas', operation: 'Apply' }),
  );
  await user.daas('delete', '-f', file, ...WAIT);
  expect(await user.kubectl('get', 'deployments,services,secrets', '-o', 'name')).not.toContain('site');
});

test('300 KB come by Walrus, whole', async () => {
  const random = randomBytes(150_000).toString('hex');
  const file = await write('big.yaml', configMap('big', { random }));
  expect(await apply(file)).toEqual({ big: 'COMPLETED' });
  expect((await read('configmap', 'big')).data).toEqual({ random });
  await user.daas('delete', '-f', file, ...WAIT);
});

test('twenty objects are ordered in one transaction, and taken away in one', async () => {
  const objects = Array.from({ length: 20 }, (_, at) => configMap(`many-${at}`, { at: `${at}` }));
  const file = await write('many.yaml', ...objects);
  expect(Object.values(await apply(file))).toEqual(Array(20).fill('COMPLETED'));
  await user.daas('delete', '-f', file, ...WAIT);
  expect(await user.kubectl('get', 'configmaps', '-o', 'name')).not.toContain('many');
});

test('a difference is shown, and of Secrets no more than that there is one', async () => {
  const secret = (value: string) => ({
    ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'shown' } },
    stringData: { key: value },
  });
  const file = await write('shown.yaml', configMap('shown', { colour: 'blue' }), secret('first-value'));
  await apply(file);
  expect(await user.daas('diff', '-f', file)).toBe('');
  await write('shown.yaml', configMap('shown', { colour: 'green' }), secret('other-value'));
  const shown = await failure('diff', '-f', file);
  expect(shown).toContain('-  colour: blue\n+  colour: green\n');
  expect(shown).toContain('-  key: "*** (before)"\n+  key: "*** (after)"');
  for (const value of ['first-value', 'other-value'])
    for (const hidden of [value, Buffer.from(value).toString('base64')]) expect(shown).not.toContain(hidden);
});

test('fields of another tool are taken over only when that is asked for', async () => {
  const file = await write('contested.yaml', configMap('contested', { colour: 'blue' }));
  const { method, path, query } = {
    method: 'PATCH',
    path: '/api/v1/namespaces/default/configmaps/contested',
    query: 'fieldManager=other',
  };
  const type = ['--type', 'application/apply-patch+yaml'];
  await user.daas('order', method, path, '--query', query, ...type, '-f', file, ...WAIT);
  await write('contested.yaml', configMap('contested', { colour: 'green' }));
  expect(await failure('apply', '-f', file, ...WAIT)).toMatch(/conflict/);
  expect((await read('configmap', 'contested')).data.colour).toBe('blue');
  expect(await apply(file, '--force-conflicts')).toEqual({ contested: 'COMPLETED' });
  expect((await read('configmap', 'contested')).data.colour).toBe('green');
});

test('daas deploy keeps what it is not told', async () => {
  const deploy = (...args: string[]) => user.daas('deploy', 'kept', '--image', IMAGE, ...args, ...WAIT);
  await deploy('--port', `${WEB_PORT}`, '--env', 'A=1', '--env', 'B=2', '--cpu', '60m', '--health', '/');
  const scale = await write('scale.json', { spec: { replicas: 2 } });
  const path = '/apis/apps/v1/namespaces/default/deployments/kept/scale';
  const type = ['--type', 'application/merge-patch+json'];
  await user.daas('order', 'PATCH', path, ...type, '-f', scale, ...WAIT);
  await deploy('--env', 'B=3');
  const { spec } = await read('deployment', 'kept');
  expect(spec.replicas).toBe(2);
  expect(spec.template.spec.containers).toMatchObject([
    {
      ports: [{ containerPort: WEB_PORT }],
      env: [
        { name: 'A', value: '1' },
        { name: 'B', value: '3' },
      ],
      resources: { requests: { cpu: '60m' } },
      readinessProbe: { httpGet: { path: '/' } },
    },
  ]);
});

test('a check asks the cluster too, about what it alone knows', async () => {
  const service = (clusterIP: string) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'address' },
    spec: { clusterIP, ports: [{ port: 80 }] },
  });
  const [elsewhere, headless] = [
    await write('elsewhere.yaml', service('192.0.2.1')),
    await write('headless.yaml', service('None')),
  ];
  await user.daas('check', '-f', elsewhere);
  await user.daas('check', '-f', headless, '--server');
  expect(await failure('check', '-f', elsewhere, '--server')).toContain('the cluster: ');
});
