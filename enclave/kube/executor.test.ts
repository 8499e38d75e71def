import { setTimeout as sleep } from 'node:timers/promises';
import { bootEnclave } from '@daasvader/testbed/enclave/executor.ts';
import { type Asked, FakeChain, OWNER } from '@daasvader/testbed/enclave/fake-chain.ts';
import { FakeKubernetes, refusal } from '@daasvader/testbed/enclave/fake-kubernetes.ts';
import { userOf } from '@daasvader/verifier/user.ts';
import type { KubernetesObject, V1Deployment, V1Job, V1Pod } from '@kubernetes/client-node';
import { beforeEach, describe, expect, test } from 'vitest';
import { EnclaveError } from '../error.ts';
import type { Answer, Answers } from './answers.ts';
import type { Blobs } from './blobs.ts';
import type { Kubernetes } from './kubernetes.ts';
import type { RetryLimits } from './retry.ts';
import type { Tenants } from './tenants.ts';
import { Tracker } from './tracker.ts';

const LIMITS: RetryLimits = { deadlineMs: 400, attempts: 3, pauseMs: 5 };
const READY_MS = 400;
const tenants = {
  ensure: async () => undefined,
  follow: async () => undefined,
  squeezed: [],
} as unknown as Tenants;
const configMaps = '/api/v1/namespaces/default/configmaps';

function configMap(name: string, value = '1', method = 'POST'): Asked {
  const manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { value } };
  return { method, path: method === 'POST' ? configMaps : `${configMaps}/${name}`, manifest };
}
const deletion = (path: string, name: string): Asked => ({ method: 'DELETE', path: `${path}/${name}`, name });
const jobs: Asked = { path: '/apis/batch/v1/namespaces/default/jobs' };
const pods: Asked = { path: '/api/v1/namespaces/default/pods' };

let chain = new FakeChain();
let kubernetes = new FakeKubernetes();
let tracker = new Tracker({} as Kubernetes, READY_MS);
let answers: Answers;
/** Bodies that lie elsewhere, by the first byte of their digest; those that are not here yet are waited for. */
let stored = new Map<number, Buffer>();
const blobs: Blobs = {
  fetch: async (_, digest, __, ___, signal) => {
    for (; !signal.aborted; await sleep(5)) {
      const body = stored.get(digest[0] ?? 0);
      if (body) return body;
    }
    throw new EnclaveError('request', 'Cannot fetch the blob: not found');
  },
};

async function boot() {
  tracker = new Tracker({} as Kubernetes, READY_MS);
  const booted = await bootEnclave(chain, {
    kubernetes,
    tracker,
    tenants: () => tenants,
    limits: LIMITS,
    blobs,
  });
  answers = booted.answers;
  return booted;
}

/** The machine ends, and with it the cluster; another one boots. */
async function restart() {
  kubernetes = new FakeKubernetes();
  return boot();
}

beforeEach(async () => {
  chain = new FakeChain();
  kubernetes = new FakeKubernetes();
  stored = new Map();
  await boot();
});

const ends = (requestId: bigint) =>
  expect.poll(() => chain.status(requestId), { timeout: 5_000, interval: 5 });
const isPending = async (requestId: bigint) => {
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(chain.status(requestId)).toBe('PENDING');
};
/** Lets the world tell what has become of an object. */
function become(id: string, change: (object: KubernetesObject) => object): void {
  const object = kubernetes.objects.get(id)!;
  const after = { ...object, ...change(object) };
  kubernetes.objects.set(id, after);
  tracker.see(after, 'present');
}
const ready = ({ metadata }: KubernetesObject): Pick<V1Deployment, 'status'> => ({
  status: { observedGeneration: metadata?.generation, replicas: 1, updatedReplicas: 1, availableReplicas: 1 },
});
const complete = (): Pick<V1Job, 'status'> => ({
  status: { conditions: [{ type: 'Complete', status: 'True' }] },
});
const value = (name: string) => (kubernetes.objects.get(`ConfigMap/${name}`) as { data?: object })?.data;

describe('an order that Kubernetes does not take', () => {
  test('fails after a few attempts with its own words, and the next order is not held up', async () => {
    kubernetes.onWrite = (what) => {
      if (what === 'create ConfigMap/bad') throw refusal(500, 'duplicate entries for key [name="A"]');
    };
    const bad = chain.ask(configMap('bad'));
    const next = chain.ask(configMap('next'));
    await ends(next).toBe('COMPLETED');
    await ends(bad).toBe('FAILED: duplicate entries for key [name="A"]');
    expect(chain.applied(bad)).toBe(false);
    expect(kubernetes.calls.filter((call) => call === 'create ConfigMap/bad')).toHaveLength(LIMITS.attempts);
  });

  test.each([
    [422, 'is invalid', 1],
    [403, 'violates PodSecurity', 1],
    [403, 'exceeded quota: daasvader', LIMITS.attempts],
    [409, 'conflict', 1],
    [429, 'too many requests', LIMITS.attempts],
    [503, 'unavailable', LIMITS.attempts],
  ])('with %i "%s" is tried %i times', async (code, message, times) => {
    kubernetes.onWrite = () => {
      throw refusal(code, message);
    };
    const id = chain.ask(configMap('web'));
    await ends(id).toBe(`FAILED: ${message}`);
    expect(kubernetes.calls).toHaveLength(times);
  });

  test('and that breaks the connection is tried a few times while Kubernetes is there', async () => {
    kubernetes.onWrite = () => {
      throw new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') });
    };
    const id = chain.ask(configMap('web'));
    await ends(id).toBe('FAILED: fetch failed: connect ECONNREFUSED');
    expect(chain.applied(id)).toBe(false);
  });

  test('and that is written all the same is found by the next attempt, and written once', async () => {
    let isLost = true;
    kubernetes.onWritten = () => {
      const wasLost = isLost;
      isLost = false;
      if (wasLost) throw refusal(500, 'timeout');
    };
    const id = chain.ask(configMap('web'));
    await ends(id).toBe('COMPLETED');
    expect(kubernetes.calls).toEqual(['create ConfigMap/web']);
  });

  test('and that is written before Kubernetes goes away has failed and is applied, here and after a restart', async () => {
    kubernetes.onWritten = () => {
      kubernetes.isThere = false;
      throw refusal(500, 'timeout');
    };
    const id = chain.ask(configMap('web'));
    await ends(id).toMatch(/^FAILED: fetch failed/);
    expect(chain.applied(id)).toBe(true);
    await restart();
    expect(value('web')).toEqual({ value: '1' });
  });

  test('because an error of our own is in the way fails too', async () => {
    const id = chain.ask({ ...configMap('web'), method: 'GET' });
    await ends(id).toMatch(/^FAILED: Cannot carry out request: method "GET"/);
  });
});

describe('while Kubernetes is away', () => {
  test('an order waits and is carried out when it is back', async () => {
    kubernetes.isThere = false;
    const id = chain.ask(configMap('web'));
    await isPending(id);
    kubernetes.isThere = true;
    await ends(id).toBe('COMPLETED');
  });

  test('an order fails at its deadline', async () => {
    kubernetes.isThere = false;
    const id = chain.ask(configMap('web'));
    await ends(id).toBe('FAILED: fetch failed: connect ECONNREFUSED');
    expect(chain.applied(id)).toBe(false);
  });

  test('an order can be cancelled, and nothing of it comes when it is back', async () => {
    kubernetes.isThere = false;
    const id = chain.ask(configMap('web'));
    await isPending(id);
    chain.cancel(id);
    await ends(id).toBe('CANCELLED: 0');
    kubernetes.isThere = true;
    await ends(chain.ask(configMap('other'))).toBe('COMPLETED');
    expect(value('web')).toBeUndefined();
  });
});

describe('an order that hangs', () => {
  let release = () => {};
  beforeEach(() => {
    const hanging = new Promise<void>((resolve) => {
      release = resolve;
    });
    kubernetes.onWrite = (what) => (what === 'create ConfigMap/slow' ? hanging : undefined);
  });

  test("holds up neither another owner's nor its own owner's deletions", async () => {
    kubernetes.objects.set('ConfigMap/old', { kind: 'ConfigMap', metadata: { name: 'old', uid: 'old' } });
    const slow = chain.ask(configMap('slow'));
    await isPending(slow);
    const other = chain.ask({ ...configMap('web'), owner: `0x${'b0'.repeat(32)}` });
    const gone = chain.ask(deletion(configMaps, 'old'));
    await ends(other).toBe('COMPLETED');
    await ends(gone).toBe('COMPLETED');
    release();
    await ends(slow).toBe('COMPLETED');
  });

  test('is cancelled as soon as it is known what became of it: what it created is removed', async () => {
    const slow = chain.ask(configMap('slow'));
    await isPending(slow);
    chain.cancel(slow);
    release();
    await ends(slow).toBe('CANCELLED: 1');
    expect(value('slow')).toBeUndefined();
  });
});

describe('an order whose body lies elsewhere', () => {
  const elsewhere = (first: number, changes: Asked = {}): Asked => {
    return { path: `${configMaps}/web`, digest: new Uint8Array(32).fill(first), ...changes };
  };
  const body = (name: string) =>
    Buffer.from(JSON.stringify({ kind: 'ConfigMap', metadata: { name }, data: { value: '1' } }));

  test('is carried out when it is there, and holds up nothing until then', async () => {
    const id = chain.ask(elsewhere(1));
    await ends(chain.ask(configMap('other'))).toBe('COMPLETED');
    await isPending(id);
    stored.set(1, body('web'));
    await ends(id).toBe('COMPLETED');
    expect(value('web')).toEqual({ value: '1' });
    await restart();
    expect(value('web')).toEqual({ value: '1' });
  });

  test('fails when it does not come', async () => {
    const id = chain.ask(elsewhere(1));
    await ends(id).toBe('FAILED: Cannot fetch the blob: not found');
    expect(chain.applied(id)).toBe(false);
  });

  test('is called off at once, or deleted', async () => {
    const [first, second] = [chain.ask(elsewhere(1)), chain.ask(elsewhere(1))];
    chain.cancel(first);
    await ends(first).toBe('CANCELLED: 0');
    await ends(chain.ask(deletion(configMaps, 'web'))).toBe('COMPLETED');
    await ends(second).toMatch(/^FAILED: Cannot carry out request: request 3 deletes it/);
  });

  test.each<[string, Asked, RegExp]>([
    ['has a name in its path, where it is created', { path: configMaps }, /takes a name in its path/],
    ['has that name in its body', {}, /its body names "other", its path "web"/],
    ['is no deletion', { method: 'DELETE' }, /cannot be by their digest/],
  ])('%s', async (_, changes, reason) => {
    stored.set(1, body('other'));
    await ends(chain.ask(elsewhere(1, changes))).toMatch(reason);
    expect(kubernetes.calls).toEqual([]);
  });
});

describe('orders for one object', () => {
  test('are carried out in the order of the chain, also when the first has to be tried again', async () => {
    let failures = 2;
    kubernetes.onWrite = () => {
      if (failures-- > 0) throw refusal(503, 'unavailable');
    };
    const first = chain.ask(configMap('web', '1'));
    const second = chain.ask(configMap('web', '2', 'PUT'));
    await ends(second).toBe('COMPLETED');
    expect(chain.status(first)).toBe('COMPLETED');
    expect(value('web')).toEqual({ value: '2' });
  });

  test('end with a deletion: what is still tried again before it is given up', async () => {
    kubernetes.onWrite = (what) => {
      if (!what.startsWith('delete')) throw refusal(429, 'later');
    };
    kubernetes.isWell = false; // so that it is tried until the deadline
    const first = chain.ask(configMap('web', '1'));
    const second = chain.ask(configMap('web', '2', 'PUT'));
    const gone = chain.ask(deletion(configMaps, 'web'));
    await ends(gone).toBe('COMPLETED');
    await ends(first).toBe('FAILED: Cannot carry out request: request 3 deletes it');
    await ends(second).toBe('FAILED: Cannot carry out request: request 3 deletes it');
    kubernetes.onWrite = () => undefined;
    await ends(chain.ask(configMap('web', '4'))).toBe('COMPLETED');
    expect(value('web')).toEqual({ value: '4' });
  });

  test('stay in order when one between them is cancelled', async () => {
    kubernetes.isWell = false;
    kubernetes.onWrite = (_, object) => {
      if ((object as { data?: { value?: string } }).data?.value === '1') throw refusal(503, 'unavailable');
    };
    const first = chain.ask(configMap('web', '1'));
    const second = chain.ask(configMap('web', '2', 'PUT'));
    chain.cancel(second);
    await ends(second).toBe('CANCELLED: 0');
    const third = chain.ask(configMap('web', '3', 'PUT'));
    await isPending(third);
    kubernetes.onWrite = () => undefined;
    await ends(third).toBe('COMPLETED');
    expect(chain.status(first)).toBe('COMPLETED');
    expect(value('web')).toEqual({ value: '3' });
  });
});

describe('a deletion', () => {
  test('ends nothing when it is cancelled in time', async () => {
    let isAway = true;
    const answer = Promise.withResolvers<void>();
    kubernetes.isWell = false;
    kubernetes.onWrite = async () => {
      await answer.promise;
      if (isAway) throw refusal(503, 'unavailable');
    };
    const first = chain.ask(configMap('web'));
    await isPending(first);
    const gone = chain.ask(deletion(configMaps, 'web'));
    chain.cancel(gone);
    answer.resolve();
    await ends(gone).toBe('CANCELLED: 0');
    await isPending(first);
    isAway = false;
    await ends(first).toBe('COMPLETED');
    expect(value('web')).toEqual({ value: '1' });
  });
});

describe('what is there from before', () => {
  test('a Pod that is about to go is not taken for the new one, and is waited for', async () => {
    const first = chain.ask(pods);
    await ends(first).toBe('RUNNING');
    become('Pod/web', () => ({
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
    }));
    await ends(first).toBe('COMPLETED');
    kubernetes.isSlow = true;
    await ends(chain.ask(deletion('/api/v1/namespaces/default/pods', 'web'))).toBe('COMPLETED');
    const second = chain.ask(pods);
    await isPending(second);
    kubernetes.sweep();
    await ends(second).toBe('RUNNING');
    expect(kubernetes.objects.get('Pod/web')?.metadata?.uid).toBe('uid-2');
  });

  test('a Job that has ended is not taken for the new one, and makes way', async () => {
    const first = chain.ask(jobs);
    await ends(first).toBe('RUNNING');
    become('Job/web', complete);
    await ends(first).toBe('COMPLETED');
    const second = chain.ask(jobs);
    await ends(second).toBe('RUNNING');
    expect(kubernetes.objects.get('Job/web')?.metadata?.uid).toBe('uid-2');
    become('Job/web', complete);
    await ends(second).toBe('COMPLETED');
  });
});

describe('an order that is cancelled', () => {
  test('before its turn leaves nothing', async () => {
    const id = chain.ask(configMap('web'));
    chain.cancel(id);
    await ends(id).toBe('CANCELLED: 0');
    expect(kubernetes.objects.size).toBe(0);
  });

  test('after Kubernetes refused it and before the chain knew leaves nothing', async () => {
    chain.isLost = () => true;
    kubernetes.onWrite = () => {
      throw refusal(422, 'is invalid');
    };
    const id = chain.ask(configMap('web'));
    await isPending(id);
    chain.isLost = () => false;
    chain.cancel(id);
    await ends(id).toBe('CANCELLED: 0');
  });

  test('between apply and ready has what it created removed', async () => {
    const id = chain.ask();
    await ends(id).toBe('RUNNING');
    chain.cancel(id);
    await ends(id).toBe('CANCELLED: 1');
    expect(kubernetes.objects.size).toBe(0);
  });

  test('has what it created removed also when no answer told that it had', async () => {
    let failures = 1;
    kubernetes.onWritten = () => {
      if (failures-- > 0) throw new TypeError('fetch failed');
    };
    const id = chain.ask();
    await ends(id).toBe('RUNNING');
    chain.cancel(id);
    await ends(id).toBe('CANCELLED: 1');
    expect(kubernetes.objects.size).toBe(0);
  });

  test('leaves what it changed as it is', async () => {
    await ends(chain.ask(configMap('web', '1'))).toBe('COMPLETED');
    const first = chain.ask({ name: 'web' });
    await ends(first).toBe('RUNNING');
    become('Deployment/web', ready);
    await ends(first).toBe('COMPLETED');
    const second = chain.ask({ image: 'nginx:2' });
    await ends(second).toBe('RUNNING');
    chain.cancel(second);
    await ends(second).toBe('CANCELLED: 2');
    const { spec } = kubernetes.objects.get('Deployment/web') as V1Deployment;
    expect(spec?.template.spec?.containers[0]?.image).toBe('nginx:2');
  });

  test('does not take away what a later order has made its own', async () => {
    const first = chain.ask();
    await ends(first).toBe('RUNNING');
    chain.isLost = () => true;
    chain.ask({ image: 'nginx:2' });
    await expect.poll(() => kubernetes.calls.length).toBe(2);
    chain.isLost = () => false;
    chain.cancel(first);
    await ends(first).toBe('CANCELLED: 2');
    expect(kubernetes.objects.size).toBe(1);
  });

  test('and was a deletion that was carried out cannot be taken back', async () => {
    kubernetes.objects.set('ConfigMap/old', { kind: 'ConfigMap', metadata: { name: 'old', uid: 'old' } });
    chain.isLost = () => true;
    const id = chain.ask(deletion(configMaps, 'old'));
    await expect.poll(() => kubernetes.objects.size).toBe(0);
    chain.isLost = () => false;
    chain.cancel(id);
    await ends(id).toBe('CANCELLED: 2');
  });

  test('and cannot be removed stays, and is told so', async () => {
    kubernetes.onWrite = (what) => {
      if (what.startsWith('delete')) throw refusal(500, 'no');
    };
    const id = chain.ask();
    await ends(id).toBe('RUNNING');
    chain.cancel(id);
    await ends(id).toBe('CANCELLED: 2');
  });
});

describe('a job', () => {
  test('is done as an order when it has started, however long it takes then', async () => {
    const id = chain.ask(jobs);
    await ends(id).toBe('RUNNING');
    become('Job/web', () => ({ status: { active: 1, ready: 1 } }));
    await ends(id).toBe('COMPLETED');
  });

  test('that failed before anybody saw it start has failed', async () => {
    const id = chain.ask(jobs);
    await ends(id).toBe('RUNNING');
    become('Job/web', () => ({
      status: { conditions: [{ type: 'Failed', status: 'True', message: 'BackoffLimitExceeded' }] },
    }));
    await ends(id).toBe('FAILED: BackoffLimitExceeded');
    expect(chain.applied(id)).toBe(true);
  });

  test('that does not start in time fails', async () => {
    const id = chain.ask(jobs);
    await ends(id).toMatch(/^FAILED: not ready in .* the job has not started/);
  });
});

test('the chain knows where an order runs before it knows that it does', async () => {
  const id = chain.ask();
  await ends(id).toBe('RUNNING');
  const { namespace, uid = '' } = kubernetes.objects.get('Deployment/web')!.metadata!;
  const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid, controller: true }];
  const pod = {
    kind: 'Pod',
    metadata: { name: 'p', uid: 'p', namespace, ownerReferences },
    spec: { nodeName: 'worker-7' },
  };
  tracker.see(pod as KubernetesObject, 'present');
  become('Deployment/web', ready);
  await ends(id).toBe('COMPLETED');
  expect(chain.workers(id)).toEqual(['worker-7']);
});

describe('after a restart', () => {
  test('each object is what it was: the last that was carried out, failed or not, without what was deleted', async () => {
    await ends(chain.ask(configMap('changed', '1'))).toBe('COMPLETED');
    await ends(chain.ask(configMap('changed', '2', 'PUT'))).toBe('COMPLETED');
    await ends(chain.ask(configMap('deleted'))).toBe('COMPLETED');
    await ends(chain.ask(deletion(configMaps, 'deleted'))).toBe('COMPLETED');
    kubernetes.onWrite = () => {
      throw refusal(422, 'is invalid');
    };
    await ends(chain.ask(configMap('changed', '3', 'PUT'))).toBe('FAILED: is invalid');
    kubernetes.onWrite = () => undefined;
    const late = chain.ask();
    await ends(late).toMatch(/^FAILED: not ready/);
    const before = [...kubernetes.objects.keys()].sort();
    await restart();
    expect([...kubernetes.objects.keys()].sort()).toEqual(before);
    expect(value('changed')).toEqual({ value: '2' });
    expect(kubernetes.calls).toHaveLength(2);
  });

  test('jobs that ended do not run again, and one that had not does', async () => {
    const done = chain.ask({ ...jobs, name: 'done' });
    const failed = chain.ask({ ...jobs, name: 'failed' });
    const open = chain.ask({ ...jobs, name: 'open' });
    await ends(open).toBe('RUNNING');
    become('Job/done', complete);
    become('Job/failed', () => ({ status: { conditions: [{ type: 'Failed', status: 'True' }] } }));
    become('Job/open', () => ({ status: { active: 1 } }));
    await ends(done).toBe('COMPLETED');
    await ends(failed).toMatch(/^FAILED/);
    await restart();
    expect([...kubernetes.objects.keys()]).toEqual(['Job/open']);
    become('Job/open', complete);
    await ends(open).toBe('COMPLETED');
  });

  test('an order that is open goes on over what was there before it', async () => {
    await ends(chain.ask(configMap('web', '1'))).toBe('COMPLETED');
    kubernetes.isThere = false;
    const second = chain.ask(configMap('web', '2', 'PUT'));
    await isPending(second);
    await restart();
    await ends(second).toBe('COMPLETED');
    expect(value('web')).toEqual({ value: '2' });
  });

  test('a poisoned order does not keep the boot from ending, nor the others', async () => {
    kubernetes.isThere = false;
    const bad = chain.ask(configMap('bad'));
    const good = chain.ask(configMap('good'));
    await isPending(bad);
    chain.unseat();
    kubernetes = new FakeKubernetes();
    kubernetes.onWrite = (what) => {
      if (what === 'create ConfigMap/bad') throw refusal(500, 'poison');
    };
    await boot();
    await ends(bad).toBe('FAILED: poison');
    await ends(good).toBe('COMPLETED');
  });

  test('what was cancelled is settled: what it had created is gone, what it had changed is as it was', async () => {
    const first = chain.ask({ name: 'kept' });
    await ends(first).toBe('RUNNING');
    become('Deployment/kept', ready);
    await ends(first).toBe('COMPLETED');
    const changed = chain.ask({ name: 'kept', image: 'nginx:2' });
    const created = chain.ask({ name: 'created' });
    await ends(created).toBe('RUNNING');
    await ends(changed).toBe('RUNNING');
    chain.unseat();
    const unseen = chain.ask({ name: 'unseen' });
    for (const id of [changed, created, unseen]) chain.cancel(id);
    await restart();
    await ends(changed).toBe('CANCELLED: 2');
    await ends(created).toBe('CANCELLED: 1');
    await ends(unseen).toBe('CANCELLED: 0');
    expect([...kubernetes.objects.keys()]).toEqual(['Deployment/kept']);
    const image = () =>
      (kubernetes.objects.get('Deployment/kept') as V1Deployment).spec?.template.spec?.containers[0]?.image;
    expect(image()).toBe('nginx:2');
    await restart();
    expect(image()).toBe('nginx:2');
  });

  test('an order that was overtaken does not come back', async () => {
    const first = chain.ask();
    await ends(first).toBe('RUNNING');
    chain.isLost = (label) => label === `complete request ${first}`;
    await ends(chain.ask(deletion('/apis/apps/v1/namespaces/default/deployments', 'web'))).toBe('COMPLETED');
    chain.isLost = () => false;
    await restart();
    await ends(first).toBe('COMPLETED');
    expect(kubernetes.objects.size).toBe(0);
  });
});

test('a bare pod that ended makes way for a new one', async () => {
  const first = chain.ask(pods);
  await ends(first).toBe('RUNNING');
  become('Pod/web', (): Pick<V1Pod, 'status'> => ({ status: { phase: 'Succeeded' } }));
  await ends(first).toBe('COMPLETED');
  await ends(chain.ask(pods)).toBe('RUNNING');
  expect(kubernetes.objects.get('Pod/web')?.metadata?.uid).toBe('uid-2');
});

test('nothing of what has ended is kept', async () => {
  const { state } = await restart();
  for (let index = 0; index < 3; index += 1) {
    const id = chain.ask(configMap('web', `${index}`, index === 0 ? 'POST' : 'PUT'));
    await ends(id).toBe('COMPLETED');
    expect(state.requests.get(id)).toBeUndefined();
  }
  expect(state.requests.desired.map(({ owner }) => owner)).toEqual([OWNER]);
});

describe('whoever asked gets the answer of Kubernetes', () => {
  const answerTo = async (id: bigint) => {
    const answer = (await answers.of(id, userOf(OWNER), 1_000)) as Answer;
    return { code: answer.status, body: JSON.parse(Buffer.from(answer.body).toString()) };
  };

  test('as soon as it is there, with what it stored', async () => {
    const id = chain.ask({});
    expect(await answerTo(id)).toMatchObject({ code: 201, body: { kind: 'Deployment', metadata: { name: 'web' } } });
    expect(chain.status(id)).not.toBe('COMPLETED');
  });

  test('in its own words when it refuses', async () => {
    kubernetes.onWrite = () => {
      throw refusal(422, 'is invalid', { reason: 'Invalid' });
    };
    expect(await answerTo(chain.ask(configMap('web')))).toMatchObject({ code: 422, body: { reason: 'Invalid' } });
  });

  test.each<[string, Asked, number, RegExp]>([
    ['what is no order', { ...configMap('web'), method: 'GET' }, 403, /method "GET"/],
    ['what the enclave does not replay', { ...configMap('web'), query: 'dryRun=All' }, 403, /"dryRun"/],
  ])('or in ours, for %s', async (_, asked, code, message) => {
    const answer = await answerTo(chain.ask(asked));
    expect(answer).toMatchObject({ code, body: { message: expect.stringMatching(message) } });
  });

  test('or that there was none in time', async () => {
    kubernetes.isThere = false;
    expect(await answerTo(chain.ask(configMap('web')))).toMatchObject({ code: 504, body: { reason: 'Timeout' } });
  });

  test('or that it was called off', async () => {
    kubernetes.isThere = false;
    const id = chain.ask(configMap('web'));
    chain.cancel(id);
    expect(await answerTo(id)).toMatchObject({ code: 409, body: { message: 'The order was cancelled' } });
  });
});

test('each order is replayed in the name of its requester, and of who had begun before with more', async () => {
  await ends(chain.ask(configMap('web'))).toBe('COMPLETED');
  const as = { user: userOf(OWNER), groups: ['daasvader:orders'], extra: { 'daasvader.io/order': '1' } };
  expect(kubernetes.callers).toEqual([as]);
  await restart();
  expect(kubernetes.callers).toEqual([{ ...as, groups: ['daasvader:orders', 'daasvader:restores'] }]);
});
