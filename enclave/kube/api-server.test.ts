import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { startSilentServer } from '@daasvader/testbed/devnet/lying/silent-server.ts';
import type { KubernetesObject } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ApiServer } from './api-server.ts';
import { Kubernetes, reasonOf, statusOf } from './kubernetes.ts';

const NOBODY = { ca: '', cert: '', key: '' };
const PATIENCE = { answerMs: 100, quietMs: 100 };
const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';

/** What the server was asked, and what it answers. */
let asked: { method?: string; url?: string; type?: string; body?: unknown }[] = [];
let impersonated: [string, string][] = [];
let answers: Record<string, (response: ServerResponse) => void> = {};

const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
  const { method, url, headers } = request;
  const type = headers['content-type'];
  impersonated = pairsIn(request.rawHeaders).filter(([name]) => name.startsWith('impersonate-'));
  asked.push({ method, url, ...(type !== undefined && { type, body: await json(request) }) } as never);
  const answer = answers[`${method} ${url?.split('?')[0]}`];
  if (answer) answer(response);
  else response.writeHead(404).end('{"kind":"Status","message":"not here"}');
});

function pairsIn(headers: string[]): [string, string][] {
  return headers.flatMap((name, at) =>
    at % 2 === 0 ? [[name.toLowerCase(), headers[at + 1] ?? ''] as [string, string]] : [],
  );
}

const say = (body: object) => (response: ServerResponse) => response.end(JSON.stringify(body));
const refuse = (status: number, body: string) => (response: ServerResponse) =>
  response.writeHead(status).end(body);

beforeEach(async () => {
  asked = [];
  const resources = [
    { name: 'pods', kind: 'Pod', namespaced: true },
    { name: 'pods/eviction', kind: 'Pod', namespaced: true },
    { name: 'nodes', kind: 'Node', namespaced: false },
  ];
  answers = { 'GET /api/v1': say({ resources }) };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function all<T>(events: AsyncIterable<T>): Promise<T[]> {
  const told: T[] = [];
  for await (const event of events) told.push(event);
  return told;
}

const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const kubernetes = () => new Kubernetes(url(), () => NOBODY);
const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'n' } };
const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'a/../b' } };
const POD = '/api/v1/namespaces/n/pods/p';

describe('the API server', () => {
  test('applies an object where its kind lives, which it asks for once', async () => {
    answers[`PATCH ${POD}`] = say({ ...pod, metadata: { ...pod.metadata, uid: 'u' } });
    const subject = kubernetes();
    expect((await subject.apply<KubernetesObject>(pod)).metadata?.uid).toBe('u');
    await subject.apply(pod);
    expect(asked.map(({ method }) => method)).toEqual(['GET', 'PATCH', 'PATCH']);
    expect(asked[1]).toEqual({
      method: 'PATCH',
      url: `${POD}?fieldManager=daasvader&force=true`,
      type: 'application/apply-patch+yaml',
      body: pod,
    });
  });

  test('is asked in the name of somebody else, and answers as it answers', async () => {
    const path = '/api/v1/namespaces/n/pods';
    answers[`POST ${path}`] = (response) => {
      const warning = ['299 - "deprecated, \\"old\\""', '299 - "two"'];
      response.setHeader('warning', warning);
      response.writeHead(403, { 'content-type': 'application/json' }).end('{"kind":"Status"}');
    };
    const as = { user: 'sui:a', groups: ['one', 'two'], extra: { 'daasvader.io/order': '7' } };
    const bytes = Buffer.from('{ "kind" : "Pod" }');
    const reply = await new ApiServer(url(), () => NOBODY).replay('POST', path, {
      as,
      body: bytes,
      query: { force: 'true' },
    });
    expect(reply).toMatchObject({ status: 403, warnings: ['deprecated, "old"', 'two'] });
    expect(Buffer.from(reply.body).toString()).toBe('{"kind":"Status"}');
    expect(asked).toMatchObject([{ method: 'POST', url: `${path}?force=true`, type: 'application/json' }]);
    expect(impersonated).toEqual(
      [
        ['Impersonate-User', 'sui:a'],
        ['Impersonate-Group', 'one'],
        ['Impersonate-Group', 'two'],
        ['Impersonate-Extra-Daasvader.io%2forder', '7'],
      ].map(([name = '', value]) => [name.toLowerCase(), value]),
    );
  });

  test('is asked once where a kind lives, by many at once, and again when it did not say', async () => {
    answers[`GET ${POD}`] = say(pod);
    const discovery = answers['GET /api/v1']!;
    answers['GET /api/v1'] = refuse(500, 'busy');
    const subject = kubernetes();
    const read = () => Promise.allSettled([subject.read(pod), subject.read(pod), subject.read(pod)]);
    expect((await read()).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    answers['GET /api/v1'] = discovery;
    expect((await read()).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    expect(asked.filter(({ url }) => url === '/api/v1')).toHaveLength(2);
  });

  test('is asked about one name, whatever is in it, and an object that is not there is no error', async () => {
    expect(await kubernetes().read(node)).toBeUndefined();
    expect(asked.at(-1)?.url).toBe('/api/v1/nodes/a%2F..%2Fb');
  });

  test('is asked nothing about a kind that it does not know, or about no namespace', async () => {
    const nowhere = { ...pod, metadata: { name: 'p' } };
    await expect(kubernetes().read(nowhere)).rejects.toMatchObject({ code: 'k3s' });
    await expect(kubernetes().read({ ...pod, kind: 'Pid' })).rejects.toMatchObject({ code: 'k3s' });
    expect(asked.map(({ url }) => url)).toEqual(['/api/v1', '/api/v1']);
  });

  test('deletes the object that was meant, and no error is that another one has its name', async () => {
    answers[`DELETE ${POD}`] = refuse(409, '{}');
    await kubernetes().delete(pod, 'u');
    expect(asked.at(-1)?.body).toEqual({ propagationPolicy: 'Background', preconditions: { uid: 'u' } });
    await expect(kubernetes().delete(pod)).rejects.toMatchObject({ status: 409 });
  });

  test.each([
    ['its own words', '{"kind":"Status","message":"no room"}', 'no room'],
    ['the status where it says none', 'oops', 'Kubernetes answered 403'],
  ])('refuses in %s', async (_what, body, reason) => {
    answers[`GET ${POD}`] = refuse(403, body);
    const error = await kubernetes()
      .read(pod)
      .catch((thrown) => thrown);
    expect([statusOf(error), reasonOf(error)]).toEqual([403, reason]);
  });

  test('lists page after page', async () => {
    const page = (name: string, next?: string) => ({ items: [{ name }], metadata: { continue: next } });
    answers['GET /all'] = (response) => {
      const isFirst = !asked.at(-1)?.url?.includes('continue=');
      say(isFirst ? page('a', 'more') : page('b'))(response);
    };
    const { items } = await kubernetes().list('/all', 'x=y');
    expect(items).toEqual([{ name: 'a' }, { name: 'b' }]);
    expect(asked.at(-1)?.url).toBe('/all?limit=500&labelSelector=x%3Dy&continue=more');
  });

  test('tells what happens however its lines are cut', async () => {
    answers['GET /all'] = async (response) => {
      response.write('{"type":"ADDED","obj');
      await new Promise((resolve) => setTimeout(resolve, 20));
      response.end('ect":{"a":"ü"}}\n{"type":"DELETED","object":{}}\n{"type":"cut');
    };
    const events = new ApiServer(url(), () => NOBODY).watch('/all', {}, new AbortController().signal);
    expect(await all(events)).toEqual([
      { type: 'ADDED', object: { a: 'ü' } },
      { type: 'DELETED', object: {} },
    ]);
  });

  test('is not asked while there is no credential', async () => {
    const missing = () => {
      throw new Error('no credential yet');
    };
    await expect(new ApiServer(url(), missing).send('GET', '/')).rejects.toThrow('no credential yet');
    expect(asked).toEqual([]);
  });
});

test.each([
  ['nothing', ''],
  ['half its headers', HEAD],
  ['half its answer', `${HEAD}content-length: 9\r\n\r\n{`],
])('a server that says %s and no more is given up', async (_what, words) => {
  const silent = await startSilentServer(words);
  try {
    const subject = new ApiServer(silent.url, () => NOBODY, PATIENCE);
    await expect(subject.send('GET', '/')).rejects.toThrow(/timeout/i);
    const events = subject.watch('/', {}, new AbortController().signal);
    await expect(all(events)).rejects.toThrow(/timeout/i);
  } finally {
    silent.close();
  }
});
