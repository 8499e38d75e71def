import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { IMAGE, LiveCluster } from '@daasvader/testbed/cluster/live-cluster.ts';
import { User } from '@daasvader/testbed/cluster/user.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';

// What pods and nodes use, as kubelets tell it through their tunnels, and autoscalers that act on it.

const RUN_TIMEOUT_MS = 60_000;
/** Two answers of the kubelet, which looks at its containers every 15 s or so, and a round of the autoscaler. */
const MEASURED = { timeout: 120_000, interval: 2_000 };

let live: LiveCluster;
let owner: User;
let other: User;

beforeAll(async () => {
  live = await LiveCluster.start();
  [owner, other] = await Promise.all([user('owner', '10'), user('other', '2')]); // a super user and a developer
  const file = join(live.cluster.directory, 'busy.yaml');
  await writeFile(file, [BUSY, IDLE, AUTOSCALER].map((object) => JSON.stringify(object)).join('\n---\n'));
  await owner.daas('apply', '-f', file, '--wait', '120');
});

afterAll(() => live?.[Symbol.asyncDispose]());

async function user(name: string, stake: string): Promise<User> {
  const made = await User.create(live.cluster, name);
  await made.daas('stake', stake);
  await made.untilRole();
  await made.login();
  return made;
}

function deployment(name: string, command: string) {
  const labels = { app: name };
  const resources = { requests: { cpu: '50m', memory: '32Mi' }, limits: { cpu: '200m', memory: '128Mi' } };
  const container = { name: 'c', image: IMAGE, command: ['sh', '-c', command], resources };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container] } },
    },
  };
}

const BUSY = deployment('busy', "trap 'exit 0' TERM; while :; do :; done");
const IDLE = deployment('idle', "trap 'exit 0' TERM; sleep 3600 & wait");
const AUTOSCALER = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'busy' },
  spec: {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'busy' },
    ...{ minReplicas: 1, maxReplicas: 3 },
    metrics: [
      {
        type: 'Resource',
        resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } },
      },
    ],
  },
};

/** What `kubectl top` says of pods, by their names: thousandths of a core and MiB. */
async function top(who: User): Promise<Record<string, [number, number]>> {
  const lines = (await who.kubectl('top', 'pods', '--no-headers').catch(() => '')).split('\n');
  const rows = lines.map((line) => /^(\S+) +(\d+)m +(\d+)Mi/.exec(line)).filter((row) => row !== null);
  return Object.fromEntries(rows.map(([, name, cpu, memory]) => [name, [Number(cpu), Number(memory)]]));
}

test('an owner sees what each pod uses', async () => {
  const [busy, idle] = await Promise.all(
    ['busy', 'idle'].map((name) => owner.untilRunning(name, RUN_TIMEOUT_MS)),
  );
  await expect
    .poll(async () => Object.keys(await top(owner)), MEASURED)
    .toEqual(expect.arrayContaining([busy!.name, idle!.name]));
  const used = await top(owner);
  expect(used[busy!.name]![0]).toBeGreaterThan(50);
  expect(used[busy!.name]![0]).toBeLessThan(300); // its limit is 200
  expect(used[idle!.name]![0]).toBeLessThan(50);
});

test('an autoscaler makes more of what is busy, as many as its owner allows', async () => {
  const replicas = () => owner.kubectl('get', 'deployment', 'busy', '-o', 'jsonpath={.spec.replicas}');
  await expect.poll(replicas, MEASURED).toBe('3');
  expect(await owner.kubectl('get', 'deployment', 'idle', '-o', 'jsonpath={.spec.replicas}')).toBe('1');
});

test('nodes are seen by who may see the cluster, and pods of others by nobody else', async () => {
  expect(await owner.kubectl('top', 'nodes', '--no-headers')).toMatch(/^\S+ +\d+m +\d+% +\d+Mi +\d+%/);
  const namespace = await owner.kubectl('get', 'deployment', 'busy', '-o', 'jsonpath={.metadata.namespace}');
  for (const attempt of [['nodes'], ['pods', '-n', namespace], ['pods', '-A']])
    await expect(other.kubectl('top', ...attempt), attempt.join(' ')).rejects.toThrow(/[Ff]orbidden/);
  const admin = join(live.cluster.directory, 'host/k3s/server/cred/admin.kubeconfig');
  const everywhere = ['kubectl', '--kubeconfig', admin, 'top', 'pods', '-A', '--no-headers'];
  const { stdout } = await promisify(execFile)(live.cluster.k3s, everywhere);
  expect(stdout).toContain(`${namespace} `);
});
