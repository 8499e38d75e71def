import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { IMAGE, LiveCluster } from '@daasvader/testbed/cluster/live-cluster.ts';
import { User } from '@daasvader/testbed/cluster/user.ts';
import { buildWebImage } from '@daasvader/testbed/vm/image.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';

// Unmodified kubectl against a live cluster, through `daas proxy`: what is typed, how it ends, what is seen.

const BIN = resolve(import.meta.dirname, '../bin');
const SECOND = 'docker.io/library/test:2';

let live: LiveCluster;
let alice: User;
let proxy: ChildProcess;
let kubeconfig: string;
let folder: string;

beforeAll(async () => {
  live = await LiveCluster.start();
  await live.worker.importImage(await buildWebImage({ reference: SECOND, page: 'second\n' }));
  alice = await User.create(live.cluster, 'alice');
  await alice.daas('stake', '5'); // an admin, for autoscalers
  await alice.untilRole();
  folder = join(live.cluster.directory, 'kubectl');
  await writeFiles();
  proxy = daas('proxy', '--wallet', alice.wallet, '--yes', '--limit', '100');
  const [line] = await once(proxy.stdout!.setEncoding('utf8'), 'data');
  kubeconfig = /^export KUBECONFIG=(\S+)/.exec(line)![1]!;
});

afterAll(async () => {
  proxy?.kill('SIGINT');
  await live?.[Symbol.asyncDispose]();
});

function daas(...args: string[]): ChildProcess {
  const env = { ...process.env, ...live.cluster.daas.env };
  return spawn(join(BIN, 'daas'), args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
}

interface Outcome {
  code: number | null;
  /** What it printed, and its errors after it. */
  said: string;
}

interface Running {
  input?: string;
  env?: Record<string, string>;
}

/** Runs kubectl as a person who was told of the proxy. */
async function kubectl(line: string, { input = '', env = {} }: Running = {}): Promise<Outcome> {
  const words = line.match(/(?:'[^']*'|[^\s'])+/g) ?? [];
  const args = words.map((word) => word.replaceAll("'", ''));
  return run(live.cluster.k3s, ['kubectl', ...args], input, { KUBECONFIG: kubeconfig, ...env });
}

async function run(
  program: string,
  args: string[],
  input: string,
  env: Record<string, string>,
): Promise<Outcome> {
  const child = spawn(program, args, { cwd: folder, env: { ...process.env, ...env }, timeout: 120_000 });
  child.stdin.on('error', () => {}); // it may not want it
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { code, said: stdout + stderr };
}

async function writeFiles(): Promise<void> {
  await mkdir(join(folder, 'base'), { recursive: true });
  const write = (name: string, content: string) => writeFile(join(folder, name), content);
  await write('app.yaml', manifestOf('applied', 1));
  await write('app-2.yaml', manifestOf('applied', 2));
  await write('odd.yaml', manifestOf('odd', 1).replace('replicas:', 'replicaz:'));
  await write('base/app.yaml', manifestOf('kustomized', 1));
  const kustomization =
    'resources: [app.yaml]\nnamePrefix: my-\nconfigMapGenerator: [{name: made, literals: [a=1]}]\n';
  await write('base/kustomization.yaml', kustomization);
  await write(
    'big.yaml',
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'big' },
      data: { a: 'x'.repeat(300_000) },
    }),
  );
  await write(
    'generated.yaml',
    JSON.stringify({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { generateName: 'made-up-' },
      spec: {
        template: {
          spec: {
            restartPolicy: 'Never',
            containers: [{ name: 'c', image: IMAGE, command: ['echo', 'done'] }],
          },
        },
      },
    }),
  );
  await write('upload.txt', 'copied there\n');
}

function manifestOf(name: string, replicas: number): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      containers:
      - {name: web, image: '${IMAGE}', volumeMounts: [{name: data, mountPath: /data}]}
      volumes: [{name: data, emptyDir: {sizeLimit: 1Mi}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: ${name}}
data: {a: one}
`;
}

/** What is typed, its exit code, and what is seen; `stdin` after a `<`. */
const TABLE: [string, number, RegExp, string?][] = [
  ['version', 0, /Server Version/],
  ['api-resources --api-group apps', 0, /deployments/],
  ['explain pod.spec.containers', 0, /DESCRIPTION/],
  ['auth whoami', 0, /sui:/],
  ['auth can-i create deployments', 0, /yes/],
  ['auth can-i create roles', 1, /no/],
  ['get nodes', 1, /Forbidden/],

  [
    `run web --image ${IMAGE} --port 8080 --labels app=web`,
    0,
    /pod\/web created.*daas: request \d+, fee 0 SUI, gas 0\.\d+ SUI/s,
  ],
  ['wait --for=condition=Ready pod/web --timeout=90s', 0, /condition met/],
  ['get pods -o wide', 0, /web +1\/1 +Running/],
  ['describe pod web', 0, /Node: +worker-1/],
  ['logs web', 0, /serving on 8080/],
  ['exec web -- echo hello there', 0, /^hello there\n/],
  ['exec -i web -- cat', 0, /^from here\n/, 'from here\n'],
  ["exec web -- sh -c 'exit 7'", 7, /exit code 7/],
  ['exec web -- cat /none', 1, /No such file/],

  ['label pod web tier=front', 0, /pod\/web labeled/],
  ['label pod web tier=back', 1, /overwrite/],
  ['label pod web tier-', 0, /unlabeled/],
  ['annotate pod web note=mine', 0, /annotated/],
  ['expose pod web --port 80 --target-port 8080', 0, /service\/web exposed/],
  ['get service web -o jsonpath={.spec.type}', 0, /ClusterIP/],
  ['delete service web', 0, /deleted/],
  ['delete pod web --grace-period 1', 0, /deleted/],
  ['get pod web', 1, /NotFound/],
  ['delete pod web', 1, /NotFound/],

  [`create deployment app --image ${IMAGE}`, 0, /deployment.apps\/app created/],
  [`create deployment app --image ${IMAGE}`, 1, /already exists/],
  [`create deployment tried --image ${IMAGE} --dry-run=server`, 0, /created \(server dry run\)/],
  ['get deployment tried', 1, /NotFound/],
  ['rollout status deployment/app --timeout 90s', 0, /successfully rolled out/],
  ['scale deployment/app --replicas 2', 0, /scaled/],
  ['scale deployment/app --replicas 1 --current-replicas 2', 0, /scaled/],
  [`set image deployment/app test=${SECOND}`, 0, /image updated/],
  ['rollout status deployment/app --timeout 90s', 0, /successfully rolled out/],
  ['set env deployment/app COLOUR=blue', 0, /env updated/],
  ['set resources deployment/app --limits cpu=200m', 0, /resource requirements updated/],
  ['rollout history deployment/app', 0, /REVISION.*2/s],
  ['rollout undo deployment/app --to-revision 1', 0, /rolled back/],
  ['get deployment app -o jsonpath={.spec.template.spec.containers[0].image}', 0, /test:1/],
  ['rollout pause deployment/app', 0, /paused/],
  ['rollout resume deployment/app', 0, /resumed/],
  ['rollout restart deployment/app', 0, /restarted/],
  ['rollout status deployment/app --timeout 90s', 0, /successfully rolled out/],
  ['autoscale deployment app --min 1 --max 2 --cpu 80%', 0, /autoscaled/],
  ['get hpa app', 0, /Deployment\/app/],
  ['top nodes', 1, /nodes\.metrics\.k8s\.io is forbidden/],
  ['patch deployment app -p {"spec":{"replicas":2}}', 0, /patched/],
  ['patch deployment app --type json -p [{"op":"replace","path":"/spec/replicas","value":1}]', 0, /patched/],
  ['patch deployment app --type merge -p {"spec":{"nope":1}}', 1, /unknown field/],
  ['delete hpa app', 0, /deleted/],
  ['delete deployment app --cascade=foreground', 0, /deleted/],

  ['create configmap settings --from-literal=colour=red', 0, /created/],
  ['edit configmap settings', 0, /edited/],
  ['get configmap settings -o jsonpath={.data.colour}', 0, /^green/],
  ['create secret generic password --from-literal=password=hidden', 0, /^secret\/password created\n$/],
  ['get secret password -o jsonpath={.data.password}', 0, /^aGlkZGVu/],
  ['delete secret password', 0, /^secret "password" deleted/],
  ['create serviceaccount robot', 0, /created/],
  ['create quota mine --hard=pods=9', 1, /nobody orders these|forbidden/],
  [`create job once --image ${IMAGE} -- echo done`, 0, /job.batch\/once created/],
  ['wait --for=condition=Complete job/once --timeout=90s', 0, /condition met/],
  ['logs job/once', 0, /^done/],
  [`create cronjob nightly --image ${IMAGE} --schedule='0 0 * * *' -- echo night`, 0, /created/],
  ['create job by-hand --from=cronjob/nightly', 0, /job.batch\/by-hand created/],
  ['create -f generated.yaml', 0, /job.batch\/made-up-\w+ created/],
  ['create poddisruptionbudget steady --selector app=applied --min-available 1', 0, /created/],
  ['create ingress front --rule=example.com/=web:80', 0, /created/],

  ['diff -f app.yaml', 1, /^\+ {2}replicas: 1/m],
  ['apply -f app.yaml', 0, /applied created.*configmap\/applied created/s],
  ['apply -f app.yaml', 0, /unchanged.*unchanged/s],
  ['apply -f app-2.yaml', 0, /deployment.apps\/applied configured/],
  ['apply -f -', 0, /configured/, manifestOf('applied', 1)],
  ['apply --server-side --force-conflicts -f app.yaml', 0, /serverside-applied/],
  ['apply -f odd.yaml', 1, /replicaz/],
  ['apply -k base', 0, /my-made-\w+ created.*my-kustomized created/s],
  ['rollout status deployment/applied --timeout 90s', 0, /successfully rolled out/],
  ['replace -f app-2.yaml', 0, /replaced/],
  ['create -f big.yaml', 0, /big created/],
  ['delete -k base', 0, /deleted/],
  ['delete -f app.yaml --wait', 0, /deleted/],
  ['delete configmaps,jobs,cronjobs --all', 0, /big" deleted/],

  ['create namespace more', 1, /daas namespace claim/],
  ['create role all --verb=get --resource=pods', 1, /daas role grant/],
  ['create rolebinding all --clusterrole=view --user=x', 1, /daas role grant/],
  ['create clusterrolebinding all --clusterrole=cluster-admin --user=x', 1, /daas role grant/],
  ['create token default', 1, /no tokens/],
  ['create priorityclass mine --value=1', 1, /nobody orders these/],
  ['taint nodes worker-1 a=b:NoSchedule', 1, /./],
  ['cordon worker-1', 1, /./],
  ['drain worker-1', 1, /./],
  ['get pods --as=system:admin', 1, /annot impersonate|forbidden/i],
  ['delete pod none --as=system:admin', 1, /./],
];

test.each(TABLE)('kubectl %s', async (line, code, seen, input = '') => {
  const env = { KUBE_EDITOR: "sed -i 's/colour: red/colour: green/'" };
  expect(await kubectl(line, { input, env })).toEqual({ code, said: expect.stringMatching(seen) });
});

test('files are copied into a pod and out of it', async () => {
  expect(await kubectl('apply -f app.yaml')).toMatchObject({ code: 0 });
  expect(await kubectl('rollout status deployment/applied --timeout 90s')).toMatchObject({ code: 0 });
  const { said: pod } = await kubectl('get pods -l app=applied -o jsonpath={.items[0].metadata.name}');
  expect(await kubectl(`cp upload.txt ${pod}:/tmp/upload.txt`)).toMatchObject({ code: 1 }); // nothing is writable there
  expect(await kubectl(`cp ${pod}:/www/index.html page.html`)).toMatchObject({ code: 0 });
  expect(await readFile(join(folder, 'page.html'), 'utf8')).toBe('still here\n');
});

test('a port of a pod is forwarded, and a log is followed', async () => {
  const env = { ...process.env, KUBECONFIG: kubeconfig };
  const start = (...args: string[]) =>
    spawn(live.cluster.k3s, ['kubectl', ...args], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const logs = start('logs', '-f', 'deployment/applied');
  const told = text(logs.stdout);
  const forward = start('port-forward', 'deployment/applied', ':8080');
  const [line] = await once(forward.stdout.setEncoding('utf8'), 'data');
  const [, port] = /127\.0\.0\.1:(\d+)/.exec(line) ?? [];
  const page = await fetch(`http://127.0.0.1:${port}/`);
  expect(await page.text()).toBe('still here\n');
  forward.kill();
  logs.kill();
  expect(await told).toContain('serving on 8080');
});

test('of several at once each is carried out', async () => {
  const names = ['one', 'two', 'three', 'four'];
  const created = await Promise.all(
    names.map((name) => kubectl(`create configmap ${name} --from-literal=a=1`)),
  );
  expect(created.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
  const { said } = await kubectl('get configmaps -o name');
  for (const name of names) expect(said).toContain(`configmap/${name}\n`);
});

test('a write that another overtook is a conflict, as Kubernetes says', async () => {
  const { said } = await kubectl('get configmap one -o yaml');
  expect(await kubectl('label configmap one first=yes')).toMatchObject({ code: 0 });
  const late = await kubectl('replace -f -', { input: said });
  expect(late).toEqual({ code: 1, said: expect.stringContaining('Conflict') });
});

test('one command at a time, and as a plugin of kubectl, ends as kubectl ends', async () => {
  const program = join(folder, 'kubectl');
  await writeFile(program, `#!/bin/sh\nexec ${live.cluster.k3s} kubectl "$@"\n`);
  await chmod(program, 0o755);
  const env = {
    ...live.cluster.daas.env,
    DAAS_WALLET: alice.wallet,
    KUBECTL: program,
    KUBECONFIG: '/dev/null',
  };
  const single = ['kubectl', '--yes', '--limit', '1', 'create', 'configmap', 'alone', '--from-literal=a=1'];
  expect(await run(join(BIN, 'daas'), single, '', env)).toMatchObject({ code: 0 });
  const plugin = join(BIN, 'kubectl-daas');
  expect(await run(plugin, ['get', 'configmap', 'alone', '-o', 'name'], '', env)).toMatchObject({
    code: 0,
    said: 'configmap/alone\n',
  });
  expect(await run(plugin, ['get', 'configmap', 'none'], '', env)).toMatchObject({ code: 1 });
  const asked = await run(plugin, ['delete', 'configmap', 'alone'], '', env);
  expect(asked).toEqual({ code: 1, said: expect.stringContaining('--yes --limit') }); // there is no terminal
  const limited = await run(plugin, ['--yes', '--limit', '0.001', 'delete', 'configmap', 'alone'], '', env);
  expect(limited).toEqual({ code: 1, said: expect.stringContaining('higher limit') });
});

test('several programs at once with one wallet are all carried out', async () => {
  const env = { ...live.cluster.daas.env, DAAS_WALLET: alice.wallet, KUBECTL: join(folder, 'kubectl') };
  const create = (name: string) => {
    const args = ['--yes', '--limit', '1', 'create', 'configmap', name, '--from-literal=a=1'];
    return run(join(BIN, 'kubectl-daas'), args, '', env);
  };
  const created = await Promise.all(['first', 'second', 'third'].map(create));
  expect(created.map(({ code, said }) => (code === 0 ? code : said))).toEqual([0, 0, 0]);
});

test('a wallet without a role, or without funds, is told so, and orders nothing', async () => {
  const viewer = await User.create(live.cluster, 'viewer');
  await viewer.daas('stake', '0.5');
  await viewer.untilRole();
  const env = { ...live.cluster.daas.env, DAAS_WALLET: viewer.wallet, KUBECTL: join(folder, 'kubectl') };
  const create = ['--yes', '--limit', '1', 'create', 'configmap', 'a', '--from-literal=a=1'];
  const said = expect.stringContaining('forbidden');
  expect(await run(join(BIN, 'kubectl-daas'), create, '', env)).toEqual({ code: 1, said });
});
