import { apiVersionOf, findKind, pathOf, TENANT_KINDS } from '@daasvader/cli/manifests/kinds.ts';
import { clusterBaseline } from '@daasvader/enclave/kube/roles.ts';
import { Tenants } from '@daasvader/enclave/kube/tenants.ts';
import { BareServer } from '@daasvader/testbed/cluster/bare-server.ts';
import { bootEnclave } from '@daasvader/testbed/enclave/executor.ts';
import { type Asked, FakeChain } from '@daasvader/testbed/enclave/fake-chain.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { MANIFESTS } from './support/manifests.ts';
import { mutationsOf } from './support/mutate.ts';
import { drawFrom, randomObject, type Schemas } from './support/random-objects.ts';

// Orders of what nobody thought of, replayed at the real API server: each ends, with a reason when it failed, and none keeps
// another from being carried out. DAAS_FUZZ sets how many of each sort there are, DAAS_SEED which.

const COUNT = Number(process.env.DAAS_FUZZ ?? 150);
const SEED = Number(process.env.DAAS_SEED ?? 1);
const SOON = { timeout: 120_000, interval: 100 };
/** Of whose orders there are at most so many open at a time. */
const AT_ONCE = 16;
const SUPER = 4;
const HONEST = `0x${'b0'.repeat(32)}`;
const PATCHES = ['merge-patch+json', 'strategic-merge-patch+json', 'apply-patch+yaml'];
const KINDS = TENANT_KINDS.filter(({ kind }) => kind !== 'Secret');

const chain = new FakeChain();
const draw = drawFrom(SEED);
let server: BareServer;

beforeAll(async () => {
  server = await BareServer.start();
  const { kubernetes } = server;
  for (const object of clusterBaseline()) await kubernetes.apply(object);
  const tracker = {
    outcome: async () => ({ state: 'ready', reason: '' }) as const,
    replaced: () => undefined,
    forget: () => undefined,
  };
  await bootEnclave(chain, { kubernetes, tracker, tenants: (roles) => new Tenants(kubernetes, roles) });
});

afterAll(() => server?.[Symbol.asyncDispose]());

const isOver = (id: bigint) => /^(COMPLETED$|FAILED: .)/.test(chain.status(id));

/** Orders all of them, each for one of some owners, and waits until each has ended. */
async function carryOut(all: readonly Asked[]): Promise<string[]> {
  const ids: bigint[] = [];
  for (const [index, asked] of all.entries()) {
    const owner = `0x${(index % AT_ONCE).toString(16).padStart(2, '0').repeat(32)}`;
    if (index < AT_ONCE) chain.hold(SUPER, owner);
    ids.push(chain.ask({ ...asked, owner }));
    if (index % AT_ONCE === AT_ONCE - 1) await expectOthersServed();
  }
  for (const [index, id] of ids.entries())
    await expect
      .poll(() => isOver(id) || `${chain.status(id)}: ${JSON.stringify(all[index])}`, SOON)
      .toBe(true);
  return ids.map((id) => chain.status(id));
}

let served = 0;

/** Somebody else's order, made now, is carried out. */
async function expectOthersServed(): Promise<void> {
  const manifest = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'honest' },
    data: { served: `${served++}` },
  };
  const path = '/api/v1/namespaces/default/configmaps/honest';
  const query = 'fieldManager=honest';
  const id = chain.ask({
    owner: HONEST,
    method: 'PATCH',
    path,
    query,
    contentType: 'application/apply-patch+yaml',
    manifest,
  });
  await expect.poll(() => chain.status(id), SOON).toBe('COMPLETED');
}

const create = (kind: (typeof KINDS)[number], manifest: object): Asked => ({
  path: pathOf(kind, 'default'),
  manifest,
});

/** Otherwise they would all end for the same reason. */
function expectBoth(statuses: readonly string[]): void {
  for (const end of ['COMPLETED', 'FAILED'])
    expect(statuses.some((status) => status.startsWith(end))).toBe(true);
}

test(`random objects that their schemas allow (${COUNT} from seed ${SEED})`, async () => {
  const schemas = new Map<string, Schemas>();
  for (const version of new Set(KINDS.map(apiVersionOf))) {
    const root = version.includes('/') ? `apis/${version}` : `api/${version}`;
    schemas.set(version, await server.kubernetes.get<Schemas>(`/openapi/v3/${root}`));
  }
  const all = Array.from({ length: COUNT }, (_, index) => {
    const kind = KINDS[draw(KINDS.length)]!;
    const version = apiVersionOf(kind);
    const { metadata, ...rest } = randomObject(schemas.get(version)!, version, kind.kind, draw) as {
      metadata?: object;
    };
    const name = `random-${index}`;
    const known = draw(4) === 0 ? metadata : {};
    const manifest = { ...rest, metadata: { ...known, name, namespace: undefined } };
    if (draw(3) > 0) return create(kind, manifest);
    const contentType = `application/${PATCHES[draw(PATCHES.length)]}`;
    return {
      method: 'PATCH',
      path: pathOf(kind, 'default', name),
      query: 'fieldManager=fuzz',
      contentType,
      manifest,
    };
  });
  const statuses = await carryOut(all);
  expectBoth(statuses);
});

test(`mutated manifests (${COUNT} from seed ${SEED})`, async () => {
  const sources = Object.values(MANIFESTS)
    .flatMap((text) => parseAllDocuments(text))
    .map((document) => document.toJS() as { apiVersion: string; kind: string; metadata: object })
    .filter(({ kind }) => kind !== 'Secret');
  const mutated = sources.map((source) => mutationsOf(source, COUNT));
  const all = Array.from({ length: COUNT }, (_, index) => {
    const which = draw(sources.length);
    const source = sources[which]!;
    const kind = findKind(source.apiVersion, source.kind)!;
    const object = mutated[which]![index]!;
    return create(kind, { ...object, metadata: { ...object.metadata, name: `mutated-${index}` } });
  });
  const statuses = await carryOut(all);
  expectBoth(statuses);
});
