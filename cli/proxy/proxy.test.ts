import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request as httpsRequest, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { ChainError } from '@daasvader/chain/error.ts';
import { generateSelfSigned, type SelfSigned } from '@daasvader/program/self-signed.ts';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { RequestRow } from '../requests.ts';
import type { Chain, OrderArgs } from './chain.ts';
import { type Consent, SpendingLimit } from './consent.ts';
import { Orders } from './orders.ts';
import { startProxy } from './server.ts';
import { Refusal } from './status.ts';
import { Upstream } from './upstream.ts';

const SECRET = 'secret of this run';
const NS = '/api/v1/namespaces/u-a';
const maps = `${NS}/configmaps`;
const MAP = JSON.stringify({ kind: 'ConfigMap', metadata: { name: 'settings' } });
const ANSWER = '/api/v1/orders/answer';

/** What Kubernetes and the enclave were asked. */
interface Seen {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  body: string;
}

let tls: SelfSigned;
let kubernetes: Server;
let proxy: Server;
let url: string;
let seen: Seen[];
/** What is answered by path; else an empty object. */
let answers: Map<string, (response: ServerResponse, seen: Seen) => void>;
let chain: FakeChain;
let consent: Consent;

/** Numbers orders from 1 on; what carries them out is in `answers`. */
class FakeChain implements Chain {
  readonly orders: OrderArgs[] = [];
  failure: Error | undefined;
  row: Partial<RequestRow> | undefined;
  /** Orders that are being signed, and the most that were at once. */
  #signing = 0;
  atOnce = 0;

  async fee(): Promise<bigint> {
    return 500_000n;
  }

  async order(args: OrderArgs, agree: (gasBudget: bigint) => Promise<void>) {
    this.atOnce = Math.max(this.atOnce, ++this.#signing);
    try {
      await agree(30_000_000n);
      if (this.failure !== undefined) throw this.failure;
      this.orders.push(args);
      return { requestId: BigInt(this.orders.length), gas: 2_000_000n };
    } finally {
      this.#signing -= 1;
    }
  }

  async look(): Promise<RequestRow | undefined> {
    return this.row as RequestRow | undefined;
  }
}

beforeAll(async () => {
  tls = await generateSelfSigned(['127.0.0.1']);
});

beforeEach(async () => {
  [seen, answers, chain, consent] = [[], new Map(), new FakeChain(), new SpendingLimit(10n ** 9n)];
  answers.set(ANSWER, answered(201, { kind: 'ConfigMap', metadata: { name: 'settings', uid: 'u' } }));
  kubernetes = createServer({ key: tls.key, cert: tls.certificate }, (request, response) => {
    void take(request, response);
  });
  kubernetes.listen(0, '127.0.0.1');
  await once(kubernetes, 'listening');
  await start();
});

afterEach(() => {
  for (const server of [proxy, kubernetes]) {
    server.closeAllConnections();
    server.close();
  }
});

async function start(deadlineMs = 5_000) {
  proxy?.close();
  const { port } = kubernetes.address() as AddressInfo;
  const credential = {
    ...{
      server: `https://127.0.0.1:${port}`,
      ca: tls.certificate,
      certificate: tls.certificate,
      key: tls.key,
    },
    ...{ expiresAtMs: Date.now() + 600_000, namespace: 'u-a', namespaces: ['u-a'], role: 'developer' },
  };
  const upstream = new Upstream(async () => credential);
  const asking: Consent = {
    ask: (...args) => consent.ask(...args),
    spent: (mist) => consent.spent(mist),
  };
  const orders = new Orders({ upstream, chain, consent: asking, deadlineMs });
  ({ server: proxy, url } = await startProxy({ upstream, orders, tls, secret: SECRET, port: 0 }));
}

async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = '', headers } = request;
  const { pathname: path, searchParams: query } = new URL(request.url ?? '', 'https://server');
  const asked = { method, path, query, headers, body: await text(request) };
  seen.push(asked);
  const answer = answers.get(path);
  if (answer !== undefined) answer(response, asked);
  else response.writeHead(200, { 'content-type': 'application/json' }).end(asked.body || '{}');
}

/** What the enclave says of an order. */
function answered(status: number, object: object, warnings: string[] = []) {
  const body = Buffer.from(JSON.stringify(object)).toString('base64');
  return json({ state: 'answered', status, warnings, contentType: 'application/json', body });
}

function json(object: object, status = 200) {
  return (response: ServerResponse) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(object));
  };
}

interface Sending {
  body?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

async function send(method: string, path: string, { body = '', headers = {}, signal }: Sending = {}) {
  const length = body === '' ? {} : { 'content-type': 'application/json', 'content-length': body.length };
  const all = { authorization: `Bearer ${SECRET}`, ...length, ...headers };
  const options = { method, headers: all, ca: tls.certificate, agent: false as const, signal };
  Object.assign(options, { checkServerIdentity: () => undefined }); // which would be that of the Host header
  const request = httpsRequest(url + path, options);
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const said = (await buffer(response)).toString('utf8');
  return {
    status: response.statusCode,
    headers: response.headersDistinct,
    text: said,
    json: said && JSON.parse(said),
  };
}

const orderOf = (path: string) => seen.filter((each) => each.path === path);

test('a write is tried as the user, ordered, and answered as Kubernetes answered it', async () => {
  const object = { kind: 'ConfigMap', metadata: { name: 'settings', uid: 'made' } };
  answers.set(ANSWER, answered(201, object, ['mind "this" \\ that']));
  const query = '?fieldManager=kubectl-create&fieldValidation=Strict';
  const answer = await send('POST', maps + query, { body: MAP });
  expect(answer).toMatchObject({ status: 201, json: object });
  expect(answer.headers.warning).toEqual([
    '299 - "mind \\"this\\" \\\\ that"',
    '299 - "daas: request 1, fee 0.0005 SUI, gas 0.002 SUI"',
  ]);
  const [tried] = orderOf(maps);
  expect(Object.fromEntries(tried!.query)).toEqual({
    fieldManager: 'kubectl-create',
    fieldValidation: 'Strict',
    dryRun: 'All',
  });
  const order = { method: 'POST', path: maps, query: 'fieldManager=kubectl-create', name: 'settings' };
  expect(chain.orders).toEqual([{ ...order, contentType: 'application/json', body: Buffer.from(MAP) }]);
});

test('bytes that are no text go on chain as they are', async () => {
  const body = Buffer.from([0x6b, 0x38, 0x73, 0, 0xff, 0xfe]).toString('latin1');
  answers.set(maps, json({ metadata: { name: 'a' } }, 201));
  const type = 'application/vnd.kubernetes.protobuf';
  const request = httpsRequest(url + maps, {
    ...{ method: 'POST', ca: tls.certificate },
    headers: { authorization: `Bearer ${SECRET}`, 'content-type': type },
  });
  request.end(Buffer.from(body, 'latin1'));
  await once(request, 'response');
  expect(chain.orders).toMatchObject([{ contentType: type, body: Buffer.from(body, 'latin1') }]);
});

test('what Kubernetes would refuse is answered as it refuses, and costs nothing', async () => {
  const refusal = { kind: 'Status', message: 'no such field', code: 400 };
  answers.set(maps, (response) => {
    response.setHeader('warning', ['299 - "one"', '299 - "two"']);
    response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(refusal));
  });
  const answer = await send('POST', maps, { body: MAP });
  expect(answer).toMatchObject({ status: 400, json: refusal });
  expect(answer.headers.warning).toEqual(['299 - "one"', '299 - "two"']);
  expect(chain.orders).toEqual([]);
});

test('who tries too often is told when to try again', async () => {
  answers.set(maps, (response) => {
    response.writeHead(429, { 'retry-after': '1', 'content-type': 'application/json' }).end('{}');
  });
  const { status, headers } = await send('POST', maps, { body: MAP });
  expect([status, headers['retry-after'], chain.orders]).toEqual([429, ['1'], []]);
});

test('a body of a type that is not told is JSON', async () => {
  await send('POST', maps, { body: MAP, headers: { 'content-type': '' } });
  expect(chain.orders).toMatchObject([{ contentType: 'application/json' }]);
});

test('a deletion is never tried, and of what is not there never ordered', async () => {
  const path = `${maps}/settings`;
  await send('DELETE', path, { body: '{"propagationPolicy":"Background"}' });
  expect(orderOf(path).map(({ method }) => method)).toEqual(['GET']);
  expect(chain.orders).toMatchObject([{ method: 'DELETE', path, query: '' }]);
  answers.set(path, json({ kind: 'Status', reason: 'NotFound' }, 404));
  expect(await send('DELETE', path)).toMatchObject({ status: 404, json: { reason: 'NotFound' } });
  expect(chain.orders).toHaveLength(1);
});

test('a Secret goes straight to Kubernetes, and is not on chain', async () => {
  const body = '{"data":{"password":"c2VjcmV0"}}';
  expect(await send('POST', `${NS}/secrets?fieldManager=x`, { body })).toMatchObject({
    status: 200,
    text: body,
  });
  expect(seen).toMatchObject([{ method: 'POST', body }]);
  expect(seen[0]!.query.has('dryRun')).toBe(false);
  expect(chain.orders).toEqual([]);
});

test('reads pass as they are, and what lets the client in does not', async () => {
  answers.set('/version', (response, { headers }) => {
    response.setHeader('warning', ['299 - "a"', '299 - "b"']);
    response.writeHead(200, { 'audit-id': '7' }).end(JSON.stringify(headers));
  });
  const { json: headers, headers: told } = await send('GET', '/version', {
    headers: { accept: 'x/y', te: 'trailers' },
  });
  expect(headers).toMatchObject({ accept: 'x/y', host: expect.not.stringContaining(new URL(url).port) });
  expect(headers).not.toHaveProperty('authorization');
  expect(headers).not.toHaveProperty('te');
  expect(told).toMatchObject({ 'audit-id': ['7'], warning: ['299 - "a"', '299 - "b"'] });
});

test('a watch is told of each thing as it happens, and ends there when the client goes', async () => {
  let watch: ServerResponse | undefined;
  answers.set(maps, (response) => {
    watch = response;
    response.writeHead(200).write('{"type":"ADDED"}\n');
  });
  const options = { headers: { authorization: `Bearer ${SECRET}` }, ca: tls.certificate };
  const request = httpsRequest(`${url}${maps}?watch=true`, options).end();
  const [response] = await once(request, 'response');
  expect((await once(response, 'data')).toString()).toContain('ADDED');
  watch!.write('{"type":"DELETED"}\n');
  expect((await once(response, 'data')).toString()).toContain('DELETED');
  response.on('error', () => undefined);
  request.destroy();
  await once(watch!, 'close');
});

test('what is said through an upgraded connection goes both ways, and ends on both sides', async () => {
  kubernetes.on('upgrade', (request, socket) => {
    seen.push({ ...({} as Seen), headers: request.headers, method: request.method ?? '' });
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: SPDY/3.1\r\nconnection: upgrade\r\n\r\nhello ',
    );
    socket.on('data', (chunk) => socket.end(chunk));
  });
  const headers = { authorization: `Bearer ${SECRET}`, connection: 'Upgrade', upgrade: 'SPDY/3.1' };
  const options = { method: 'POST', headers, ca: tls.certificate };
  const request = httpsRequest(`${url}${NS}/pods/web/exec?command=sh`, options).end();
  const [, socket, head] = await once(request, 'upgrade');
  socket.write('world');
  expect(head.toString() + (await text(socket))).toBe('hello world');
  expect(seen).toMatchObject([{ method: 'POST', headers: { upgrade: 'SPDY/3.1' } }]);
  expect(seen[0]!.headers.authorization).toBeUndefined();
});

test('an upgrade that Kubernetes refuses is told why', async () => {
  answers.set(`${NS}/pods/web/exec`, json({ kind: 'Status', message: 'not you' }, 403));
  const headers = { connection: 'Upgrade', upgrade: 'websocket' };
  expect(await send('GET', `${NS}/pods/web/exec`, { headers })).toMatchObject({
    status: 403,
    json: { message: 'not you' },
  });
});

test.each([
  ['no secret', { authorization: '' }, 401],
  ['another secret', { authorization: 'Bearer another' }, 401],
  ['the secret in another form', { authorization: SECRET }, 401],
  ['another name that leads to loopback', { host: 'evil.example' }, 403],
  ['localhost, which a page may be served from', { host: 'localhost:6443' }, 403],
  ['a page, with the secret', { origin: 'https://evil.example' }, 403],
  ['a browser, with the secret', { 'sec-fetch-site': 'none' }, 403],
])('%s: nothing is asked, read or ordered', async (_, headers, status) => {
  const sent = { body: MAP, headers: headers as Record<string, string> };
  for (const answer of [
    await send('GET', '/version', { headers: sent.headers }),
    await send('POST', maps, sent),
  ]) {
    expect(answer).toMatchObject({ status, json: { kind: 'Status' } });
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  }
  const upgrade = { ...sent.headers, connection: 'Upgrade', upgrade: 'websocket' };
  expect((await send('GET', `${NS}/pods/web/exec`, { headers: upgrade })).status).toBe(status);
  expect((await send('OPTIONS', maps, { headers: sent.headers })).status).toBe(status);
  expect([seen, chain.orders]).toEqual([[], []]);
});

test('it listens on loopback alone', () => {
  expect(proxy.address()).toMatchObject({ address: '127.0.0.1' });
});

test.each([
  ['an order as another', { 'impersonate-user': 'sui:x' }, 403],
  ['a compressed body', { 'content-encoding': 'gzip' }, 415],
])('%s is refused', async (_, headers, status) => {
  const sent = { body: MAP, headers: headers as Record<string, string> };
  expect((await send('POST', maps, sent)).status).toBe(status);
  expect(chain.orders).toEqual([]);
});

test('of two at once one is signed after the other, and each gets its own answer', async () => {
  answers.set(ANSWER, (response, { query }) => answered(201, { request: query.get('request') })(response));
  const told = await Promise.all(
    ['a', 'b', 'c'].map((name) =>
      send('PUT', `${maps}/${name}`, { body: JSON.stringify({ metadata: { name } }) }),
    ),
  );
  expect(chain.atOnce).toBe(1);
  for (const [at, { path }] of chain.orders.entries()) {
    const mine = told[['a', 'b', 'c'].indexOf(path.slice(-1))];
    expect(mine!.json).toEqual({ request: `${at + 1}` });
  }
});

test.each([
  ['no funds', new ChainError('execution', 'Cannot execute transaction: no gas coins'), 403, 'no gas coins'],
  [
    'a wallet without a role',
    new ChainError('abort', 'Cannot execute transaction', {
      abort: { module: 'k8s_scheduler', code: 2, name: 'ERoleTooLow' },
    }),
    403,
    'daas stake',
  ],
  [
    'a full node that is silent',
    new ChainError('unreachable', 'Cannot execute transaction: no answer'),
    504,
    'no answer',
  ],
])('%s: the client is told, and the next order goes on', async (_, failure, status, message) => {
  chain.failure = failure;
  const answer = await send('POST', maps, { body: MAP });
  expect(answer).toMatchObject({ status, json: { message: expect.stringContaining(message) } });
  expect(answer.headers['retry-after']).toBeUndefined();
  chain.failure = undefined;
  expect((await send('POST', maps, { body: MAP })).status).toBe(201);
});

test('what is declined is not signed', async () => {
  consent = {
    ask: async () => {
      throw new Refusal(403, 'declined');
    },
    spent: () => undefined,
  };
  expect(await send('POST', maps, { body: MAP })).toMatchObject({
    status: 403,
    json: { message: 'declined' },
  });
  expect(chain.orders).toEqual([]);
});

test('a person is told what would be signed and what it may cost', async () => {
  const asked: unknown[] = [];
  consent = {
    ask: async (what, price) => void asked.push(what, price),
    spent: (mist) => void asked.push(mist),
  };
  await send('POST', maps, { body: MAP });
  const price = { fee: 500_000n, gasBudget: 30_000_000n };
  expect(asked).toEqual(['POST configmaps/settings in u-a', price, 2_500_000n]);
});

test('nothing is signed for a client that is gone', async () => {
  const gone = new AbortController();
  const called = Promise.withResolvers<void>();
  consent = {
    ask: async (_what, _price, signal) => {
      gone.abort();
      await once(signal, 'abort');
      called.resolve();
    },
    spent: () => undefined,
  };
  await expect(send('POST', maps, { body: MAP, signal: gone.signal })).rejects.toThrow();
  await called.promise;
  consent = new SpendingLimit(10n ** 9n);
  await send('POST', maps, { body: MAP });
  expect(chain.orders).toHaveLength(1);
});

test('an enclave that is away in the middle is asked again', async () => {
  let times = 0;
  const good = answers.get(ANSWER)!;
  answers.set(ANSWER, (response, asked) => {
    times += 1;
    if (times === 1) response.destroy();
    else if (times === 2) json({ title: 'Unavailable' }, 503)(response);
    else if (times === 3) json({ state: 'pending' })(response);
    else good(response, asked);
  });
  expect((await send('POST', maps, { body: MAP })).status).toBe(201);
  expect(chain.orders).toHaveLength(1);
});

test.each([
  ['failed', { status: 'FAILED', applied: false, reason: 'over quota' }, 400, 'over quota'],
  ['was cancelled', { status: 'CANCELLED' }, 409, 'cancelled'],
  ['was carried out', { status: 'COMPLETED' }, 200, 'done'],
] as const)('when the enclave has forgotten, the chain tells that it %s', async (_, row, status, message) => {
  answers.set(ANSWER, json({ title: 'Not found' }, 404));
  chain.row = row;
  const answer = await send('POST', maps, { body: MAP });
  expect(answer).toMatchObject({ status, json: { message: expect.stringContaining(message) } });
});

test('an order that is not carried out in time is told by its number, with what to do', async () => {
  await start(50);
  answers.set(ANSWER, json({ state: 'pending' }));
  const { status, json: said } = await send('POST', maps, { body: MAP });
  expect({ status, said }).toMatchObject({
    status: 504,
    said: { message: expect.stringContaining('daas cancel 1') },
  });
});

test.each([
  ['an answer that is none', '[]'],
  [
    'a status that is none',
    JSON.stringify({ state: 'answered', status: 99, warnings: [], contentType: '', body: '' }),
  ],
  [
    'a type that is two headers',
    JSON.stringify({ state: 'answered', status: 200, warnings: [], contentType: 'a\r\nb: c', body: '' }),
  ],
])('%s is not passed on', async (_, body) => {
  answers.set(ANSWER, (response) => void response.writeHead(200).end(body));
  expect(await send('POST', maps, { body: MAP })).toMatchObject({
    status: 503,
    json: { message: expect.stringContaining('daas requests 1') },
  });
});

test('a body that no request may have is refused', async () => {
  const request = send('POST', maps, { body: ' '.repeat((3 << 20) + 1) });
  expect((await request).status).toBe(413);
  expect(chain.orders).toEqual([]);
});

test('Kubernetes that is away is told as such', async () => {
  kubernetes.closeAllConnections();
  kubernetes.close();
  expect(await send('GET', '/version')).toMatchObject({ status: 503, json: { kind: 'Status' } });
  kubernetes.listen(0);
});
