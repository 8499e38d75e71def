import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { checkOffline, type Verdict } from '@daasvader/cli/check/program.ts';
import { apiVersionOf, pathOf, TENANT_KINDS } from '@daasvader/cli/manifests/kinds.ts';
import { clusterBaseline, roleBinding } from '@daasvader/enclave/kube/roles.ts';
import { type Answer, BareServer, type Caller } from '@daasvader/testbed/cluster/bare-server.ts';
import { userOf } from '@daasvader/verifier/user.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { MANIFESTS } from './support/manifests.ts';
import { mutationsOf } from './support/mutate.ts';

// `daas check` beside a real API server: the same verdict on the same object, as dry runs of whoever would order it tell.

const NAMESPACE = `u-${'a'.repeat(52)}`;
const CONTROLLER = 'system:serviceaccount:kube-system:replicaset-controller';
const MUTATIONS_EACH = 12;
const handed = join(
  process.env.DAAS_VECTORS ?? resolve(import.meta.dirname, '../../shared/vectors'),
  '../trials/manifests',
);

interface KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  spec?: {
    template?: PodTemplate;
    jobTemplate?: { spec?: { template?: PodTemplate } };
    volumeClaimTemplates?: { metadata: { name: string } }[];
  };
}
interface PodTemplate {
  metadata?: { labels?: object; annotations?: object; finalizers?: string[] };
  spec?: { volumes?: { name: string }[] };
}

let server: BareServer;
let users: Caller[];

beforeAll(async () => {
  server = await BareServer.start();
  const { kubernetes } = server;
  for (const object of clusterBaseline()) await kubernetes.apply(object);
  const labels = { 'daasvader.io/managed': 'true' };
  await kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE, labels } });
  // Several, because dry runs of one are limited.
  const addresses = Array.from({ length: 8 }, (_, i) => `0x${`${i}`.repeat(64)}`);
  for (const [i, address] of addresses.entries()) {
    const binding = roleBinding(address, 'super', NAMESPACE);
    binding.metadata.name += `-${i}`;
    await kubernetes.apply(binding);
  }
  const account = (name: string) =>
    kubernetes.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: NAMESPACE } });
  for (const name of ['default', 'cart']) await account(name);
  users = await Promise.all(addresses.map((address) => server.caller(userOf(address))));
});

afterAll(() => server?.[Symbol.asyncDispose]());

let turn = 0;

/** What the API server says to a new object, and why not; a user who has asked too much is followed by the next. */
async function dryRun(path: string, object: object): Promise<Answer> {
  for (;;) {
    const answer = await server.call(
      'POST',
      `${path}?dryRun=All&fieldValidation=Strict`,
      users[turn++ % users.length]!,
      object,
    );
    if (answer.status !== 429) return answer;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** What becomes of an object on the server: its own refusal, or that of the pods that it would make. */
async function serverSays(object: KubernetesObject): Promise<string> {
  const kind = TENANT_KINDS.find(
    (each) => each.kind === object.kind && apiVersionOf(each) === object.apiVersion,
  );
  const answer = await dryRun(pathOf(kind!, NAMESPACE), object);
  if (answer.status !== 201) return answer.text;
  const written: KubernetesObject = JSON.parse(answer.text); // with what Kubernetes fills in
  const template = written.spec?.jobTemplate?.spec?.template ?? written.spec?.template;
  if (template === undefined) return '';
  const made = await dryRunPod(template, written);
  return made.status === 201 ? '' : made.text;
}

/** Has the API server judge a pod as the controller makes it, which gives those of a StatefulSet their claims. */
function dryRunPod({ metadata = {}, spec }: PodTemplate, { spec: owner }: KubernetesObject): Promise<Answer> {
  const names = new Set((owner?.volumeClaimTemplates ?? []).map(({ metadata: { name } }) => name));
  const claims = [...names].map((name) => ({ name, persistentVolumeClaim: { claimName: `${name}-0` } }));
  const volumes = [...claims, ...(spec?.volumes ?? []).filter(({ name }) => !names.has(name))];
  const { labels, annotations, finalizers } = metadata;
  const pod = {
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: { generateName: 'pod-', labels, annotations, finalizers },
    spec: { ...spec, volumes },
  };
  const path = `/api/v1/namespaces/${NAMESPACE}/pods?dryRun=All`;
  return server.call('POST', path, server.administrator, pod, { 'impersonate-user': CONTROLLER });
}

/** Those on which the two do not agree. */
async function disagreements(objects: readonly KubernetesObject[]): Promise<string[]> {
  const files = objects.map((object, i) => ({ name: `${i}`, text: JSON.stringify(object) }));
  const verdicts = Map.groupBy((await checkOffline('super', files)).objects, ({ file }) => file);
  const differ: string[] = [];
  for (const [i, object] of objects.entries()) {
    const judged = verdicts.get(`${i}`) ?? [];
    const [refused, complaint] = [judged.some(({ accepted }) => !accepted), await serverSays(object)];
    if (refused !== (complaint !== ''))
      differ.push(`${JSON.stringify(object)}\n  check: ${problemsOf(judged)}\n  server: ${complaint}`);
  }
  return differ;
}

function problemsOf(objects: Verdict['objects']): string {
  return objects
    .flatMap(({ problems }) => problems.map(({ path, message }) => `${path}: ${message}`))
    .join('; ');
}

function objectsIn(text: string): KubernetesObject[] {
  return parseAllDocuments(text, { version: '1.1' }).map((document) => document.toJS());
}

const own = Object.values(MANIFESTS).flatMap(objectsIn);

test.each(Object.entries(MANIFESTS))(
  'check and server agree on %s, and on its mutations',
  async (_, text) => {
    const objects = objectsIn(text);
    expect(await disagreements(objects)).toEqual([]);
    expect(await disagreements(objects.flatMap((object) => mutationsOf(object, MUTATIONS_EACH)))).toEqual([]);
  },
);

test('mutations are refused as often as not', async () => {
  const mutated = own.flatMap((object) => mutationsOf(object, MUTATIONS_EACH));
  const files = mutated.map((object, i) => ({ name: `${i}`, text: JSON.stringify(object) }));
  const { objects } = await checkOffline('super', files);
  const share = objects.filter(({ accepted }) => accepted).length / objects.length;
  expect(share).toBeGreaterThan(0.1);
  expect(share).toBeLessThan(0.9);
});

if (existsSync(handed))
  describe('manifests as people write them', () => {
    const texts = readdirSync(handed).map(
      (name) => [name, readFileSync(join(handed, name), 'utf8')] as const,
    );
    const ofKubernetes = texts.filter(([, text]) => /^kind:/m.test(text));

    test.each(ofKubernetes)('check and server agree on %s, and on its mutations', async (_, text) => {
      const objects = objectsIn(text);
      expect(await disagreements(objects)).toEqual([]);
      expect(await disagreements(objects.flatMap((object) => mutationsOf(object, MUTATIONS_EACH)))).toEqual(
        [],
      );
    });

    test.each(texts.filter(([, text]) => !/^kind:/m.test(text)))(
      '%s is refused in one line',
      async (name, text) => {
        const { accepted, objects } = await checkOffline('super', [{ name, text }]);
        expect(accepted).toBe(false);
        expect(objects.flatMap(({ problems }) => problems)).toEqual([
          { path: '', message: expect.stringMatching(/Docker Compose|Akash SDL/) },
        ]);
      },
    );
  });
else {
  console.warn(
    `NOT TESTED: manifests as people write them. ${handed} does not exist; set DAAS_VECTORS beside its folder`,
  );
  test.skip('manifests as people write them');
}
