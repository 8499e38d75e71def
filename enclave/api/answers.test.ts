import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { userOf } from '@daasvader/verifier/user.ts';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Answers } from '../kube/answers.ts';
import { answerRoutes } from './answers.ts';
import { createApi, listenUnix } from './server.ts';

const [OWNER, STRANGER] = ['1', '2'].map((digit) => `0x${digit.repeat(64)}`) as [string, string];
const ASKED = { requestId: 7n, requester: OWNER, owner: OWNER };

let directory: string;
let socketPath: string;
let answers: Answers;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'answers-'));
  socketPath = join(directory, 'api.sock');
  answers = new Answers(new Map([[7n, ASKED]]));
  await listenUnix(createApi([answerRoutes(answers)], pino({ enabled: false })), socketPath);
});

afterEach(() => rm(directory, { recursive: true, force: true }));

async function get(query: string, user: string | undefined = userOf(OWNER)) {
  const headers = user === undefined ? {} : { 'x-daasvader-user': user };
  const call = request({ socketPath, path: `/api/v1/orders/answer?${query}`, headers }).end();
  const [response] = await once(call, 'response');
  return { status: response.statusCode, ...JSON.parse(await text(response)) };
}

test('an answer is told as it came, once it is there', async () => {
  expect(await get('request=7')).toEqual({ status: 200, state: 'pending' });
  const told = get('request=7&wait=25');
  const answer = {
    status: 201,
    warnings: ['mind "this"'],
    contentType: 'application/json',
    body: Buffer.from('{}'),
  };
  answers.record(ASKED, answer);
  expect(await told).toEqual({ ...answer, state: 'answered', body: 'e30=' });
});

test.each([
  ['another user', 'request=7', userOf(STRANGER), 404],
  ['an order that nobody knows', 'request=8', userOf(OWNER), 404],
  ['nobody', 'request=7', '', 401],
  ['a node', 'request=7', 'system:node:worker-1', 401],
  ['no order', '', userOf(OWNER), 400],
  ['an order that is no number', 'request=-7', userOf(OWNER), 400],
  ['two orders', 'request=7&request=8', userOf(OWNER), 400],
  ['a wait without end', 'request=7&wait=26', userOf(OWNER), 400],
])('%s: no answer', async (_, query, user, status) => {
  expect(await get(query, user)).toMatchObject({ status, type: 'about:blank' });
});
