import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { generateKeys } from '@daasvader/enclave/boot/keys.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Credential } from '../credential/issue.ts';
import { type LogQuery, printLog } from './logs.ts';

const NAMESPACE = 'u-test';
const QUERY: LogQuery = {
  name: 'web',
  namespace: undefined,
  container: undefined,
  tail: undefined,
  previous: false,
  timestamps: false,
  follow: true,
};
const PATIENCE = { retryMs: 10, giveUpMs: 300 };

/** A pod and what each request for its log is answered with, in order. */
interface FakePod {
  name: string;
  phase: string;
  logs: ((response: ServerResponse) => void)[];
}

let server: Server;
let credential: Credential;
let pods: FakePod[];
/** Queries for logs, in order. */
let asked: URLSearchParams[];

beforeEach(async () => {
  const { tls } = await generateKeys(['127.0.0.1']);
  [pods, asked] = [[], []];
  server = createServer({ key: tls.key, cert: tls.certificate }, (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'https://server');
    answer(pathname, searchParams, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  credential = {
    ...{ server: url, ca: tls.certificate, certificate: tls.certificate, key: tls.key.toString() },
    ...{ expiresAtMs: 0, namespace: NAMESPACE, namespaces: [NAMESPACE], role: 'developer' },
  };
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function answer(path: string, query: URLSearchParams, response: ServerResponse): void {
  const json = (status: number, body: object) => response.writeHead(status).end(JSON.stringify(body));
  const [, name, log] = /^\/api\/v1\/namespaces\/u-test\/pods(?:\/([^/]+)(\/log)?)?$/.exec(path) ?? [];
  if (name === undefined) return void json(200, { items: pods.map(podOf) });
  const pod = pods.find((each) => each.name === name);
  if (pod === undefined) return void json(404, { message: `pods "${name}" not found` });
  if (log === undefined) return void json(200, podOf(pod));
  asked.push(query);
  const next = pod.logs.shift();
  if (next === undefined) return void json(500, { message: 'nothing left' });
  next(response);
}

function podOf({ name, phase }: FakePod): object {
  return { metadata: { name, creationTimestamp: '2026-01-01T00:00:00Z' }, status: { phase } };
}

/** Lines of second 0, each with the tenth of it. */
const lines = (...tenths: number[]) =>
  tenths.map((tenth) => `2026-01-01T00:00:00.${tenth}Z line ${tenth}\n`).join('');
const whole = (text: string) => (response: ServerResponse) => void response.end(text);
const cut = (text: string) => (response: ServerResponse) =>
  void response.write(text, () => response.destroy());
const refused = (status: number, message: string) => (response: ServerResponse) =>
  void response.writeHead(status).end(JSON.stringify({ message }));

/** What is printed and told. */
async function print(query: Partial<LogQuery> = {}, connect = async () => credential) {
  const [printed, told]: [string[], string[]] = [[], []];
  const sinks = {
    line: async (text: string) => void printed.push(text),
    tell: (text: string) => void told.push(text),
  };
  const failure = await printLog(connect, { ...QUERY, ...query }, sinks, PATIENCE).catch(
    (error: Error) => error,
  );
  return { printed, told, failure };
}

test('a log is printed, with times only when they are asked for', async () => {
  pods = [{ name: 'web-1', phase: 'Running', logs: [whole(`${lines(1)}2026-01-01T00:00:01Z no end`)] }];
  expect(await print({ follow: false, tail: '5', container: 'c' })).toEqual({
    printed: ['line 1', 'no end'],
    told: [],
    failure: undefined,
  });
  expect(Object.fromEntries(asked[0] ?? [])).toMatchObject({
    tailLines: '5',
    container: 'c',
    follow: 'false',
  });
  pods[0]?.logs.push(whole(lines(1)));
  expect((await print({ follow: false, timestamps: true })).printed).toEqual([
    '2026-01-01T00:00:00.1Z line 1',
  ]);
});

test('after a connection that ends or breaks it goes on, and no line is there twice or missing', async () => {
  const pod = {
    name: 'web-1',
    phase: 'Running',
    logs: [cut(lines(1, 2)), whole(lines(1, 2, 3)), refused(503, 'away'), whole(lines(1, 2, 3, 4))],
  };
  pods = [pod];
  const ended = pod.logs.at(-1)!;
  pod.logs[3] = (response) => {
    pod.phase = 'Succeeded';
    ended(response);
  };
  const { printed, told, failure } = await print();
  expect({ printed, failure }).toEqual({
    printed: ['line 1', 'line 2', 'line 3', 'line 4'],
    failure: undefined,
  });
  expect(told.join('\n')).toMatch(/connection to the log ended.*\n.*away \(503\); trying again/);
  expect(asked[1]?.get('sinceTime')).toBe('2026-01-01T00:00:00.200000000Z');
});

test('it goes on with the pod that took the place of one that is gone, from its beginning', async () => {
  pods = [{ name: 'web-1', phase: 'Running', logs: [] }];
  pods[0]?.logs.push((response) => {
    pods = [{ name: 'web-2', phase: 'Succeeded', logs: [whole(lines(1, 2))] }];
    whole(lines(5))(response);
  });
  const { printed, told } = await print();
  expect(printed).toEqual(['line 5', 'line 1', 'line 2']);
  expect(told.at(-1)).toBe('going on with pod web-2');
});

test('while a pod runs, a newer one beside it does not take its place', async () => {
  const first = { name: 'web-1', phase: 'Running', logs: [] as FakePod['logs'] };
  pods = [first];
  first.logs.push(
    (response) => {
      pods.unshift({ name: 'web-0', phase: 'Running', logs: [whole(lines(9))] });
      cut(lines(1))(response);
    },
    (response) => {
      first.phase = 'Failed';
      pods = [first];
      whole(lines(2))(response);
    },
  );
  expect((await print()).printed).toEqual(['line 1', 'line 2']);
});

test('of a line that is too long all is printed', async () => {
  const long = 'x'.repeat(3 << 20);
  pods = [{ name: 'web-1', phase: 'Running', logs: [whole(`${lines(1)}2026-01-01T00:00:01Z ${long}\n`)] }];
  const { printed } = await print({ follow: false });
  expect(printed.slice(1).join('')).toBe(long);
});

test('of a pod by its own name it ends when that pod is gone', async () => {
  pods = [{ name: 'web-1', phase: 'Running', logs: [] }];
  pods[0]?.logs.push((response) => {
    pods = [];
    whole(lines(1))(response);
  });
  expect(await print({ name: 'web-1' })).toMatchObject({ printed: ['line 1'], failure: undefined });
});

test('a container that is about to start is waited for', async () => {
  const starting = refused(400, 'container "c" in pod "web-1" is waiting to start: ContainerCreating');
  pods = [{ name: 'web-1', phase: 'Running', logs: [] }];
  pods[0]?.logs.push(starting, (response) => {
    (pods[0] as FakePod).phase = 'Succeeded';
    whole(lines(1))(response);
  });
  expect((await print()).printed).toEqual(['line 1']);
});

test.each([
  ['what it may not see', [refused(403, 'pods "web-1" is forbidden')], 'is forbidden (403)'],
  [
    'a container that is to be chosen',
    [refused(400, 'a container name must be specified')],
    'must be specified',
  ],
  ['a server that does not come back', [], 'nothing left (500)'],
])('%s ends it with what Kubernetes said', async (_what, logs, why) => {
  pods = [{ name: 'web-1', phase: 'Running', logs }];
  const { failure } = await print();
  expect(failure).toMatchObject({ code: 'kubernetes', message: expect.stringContaining(why) });
});

test('a name that is nobody, and a server of another CA, are told at once', async () => {
  expect((await print()).failure).toMatchObject({ message: expect.stringContaining('label app=web') });
  const { tls } = await generateKeys([]);
  const other = await print({}, async () => ({ ...credential, ca: tls.certificate }));
  expect(other.failure).toMatchObject({
    code: 'kubernetes',
    message: expect.stringContaining('Cannot reach'),
  });
});

test('each connection is made with a credential of then', async () => {
  pods = [{ name: 'web-1', phase: 'Running', logs: [whole(lines(1)), whole(lines(1, 2))] }];
  let connections = 0;
  const { printed } = await print({}, async () => {
    connections += 1;
    if (connections === 2) (pods[0] as FakePod).phase = 'Failed';
    return credential;
  });
  expect({ printed, connections }).toEqual({ printed: ['line 1', 'line 2'], connections: 2 });
});
