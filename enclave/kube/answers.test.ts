import { userOf } from '@daasvader/verifier/user.ts';
import { beforeEach, expect, test } from 'vitest';
import { type Answer, type AnswerLimits, Answers, type Asked, statusAnswer } from './answers.ts';

const address = (digit: string) => `0x${digit.repeat(64)}`;
const [OWNER, GUEST, STRANGER] = [address('1'), address('2'), address('3')];
const LIMITS: AnswerLimits = {
  ...{ body: 100, perOwner: 3, bytesPerOwner: 200, bytes: 300, keptMs: 1_000, waitingPerUser: 2 },
};

let open: Map<bigint, Asked>;
let nowMs: number;
let answers: Answers;

beforeEach(() => {
  open = new Map();
  nowMs = 0;
  answers = new Answers(open, LIMITS, () => nowMs);
});

const asked = (requestId: bigint, owner = OWNER, requester = owner): Asked => ({
  requestId,
  requester,
  owner,
});
const answer = (bytes: number): Answer => ({
  ...{ status: 201, warnings: [], contentType: 'application/json' },
  body: Buffer.alloc(bytes),
});
const kept = async (...ids: bigint[]) =>
  Promise.all(ids.map(async (id) => (await answers.of(id, userOf(OWNER), 0)) !== undefined));

test.each([
  ['the requester', GUEST, true],
  ['the owner of the namespace', OWNER, true],
  ['anybody else', STRANGER, false],
])('%s is told: %s', async (_, who, isTold) => {
  open.set(1n, asked(1n, OWNER, GUEST));
  expect(await answers.of(1n, userOf(who), 0)).toBe(isTold ? 'pending' : undefined);
  answers.record(asked(1n, OWNER, GUEST), answer(1));
  expect(await answers.of(1n, userOf(who), 0)).toEqual(isTold ? answer(1) : undefined);
});

test("another's order is not waited for", async () => {
  open.set(1n, asked(1n));
  expect(await answers.of(1n, userOf(STRANGER), 600_000)).toBeUndefined();
});

test.each([
  ['that is open', true],
  ['that the chain has not told of yet', false],
])('the answer to an order %s is waited for', async (_, isOpen) => {
  if (isOpen) open.set(1n, asked(1n));
  const told = answers.of(1n, userOf(OWNER), 600_000);
  answers.record(asked(1n), answer(1));
  expect(await told).toEqual(answer(1));
});

test('who waited for what turns out to be of another gets nothing', async () => {
  const told = answers.of(1n, userOf(STRANGER), 600_000);
  answers.record(asked(1n), answer(1));
  expect(await told).toBeUndefined();
});

test('who waits longer is told what comes after another gave up', async () => {
  const told = answers.of(1n, userOf(OWNER), 600_000);
  expect(await answers.of(1n, userOf(OWNER), 10)).toBeUndefined();
  answers.record(asked(1n), answer(1));
  expect(await told).toEqual(answer(1));
});

test('what does not come is pending, or unknown, when the time is up', async () => {
  open.set(1n, asked(1n));
  expect(await answers.of(1n, userOf(OWNER), 10)).toBe('pending');
  expect(await answers.of(2n, userOf(OWNER), 10)).toBeUndefined();
});

test('of one user a few wait, the others are answered as it is', async () => {
  const waiting = [1n, 2n].map((id) => answers.of(id, userOf(OWNER), 600_000));
  expect(await answers.of(3n, userOf(OWNER), 600_000)).toBeUndefined();
  for (const id of [1n, 2n, 3n]) answers.record(asked(id), answer(1));
  expect(await Promise.all(waiting)).toEqual([answer(1), answer(1)]);
  answers.record(asked(4n), answer(1));
  expect(await answers.of(4n, userOf(OWNER), 600_000)).toEqual(answer(1));
});

test('an answer is kept for a time', async () => {
  answers.record(asked(1n), answer(1));
  nowMs = 999;
  expect(await kept(1n)).toEqual([true]);
  nowMs = 1_000;
  expect(await kept(1n)).toEqual([false]);
});

test('an owner has so many answers, of which the oldest go', async () => {
  for (const id of [1n, 2n, 3n, 4n]) answers.record(asked(id), answer(1));
  expect(await kept(1n, 2n, 3n, 4n)).toEqual([false, true, true, true]);
});

test('an owner has so many bytes of answers, and takes none from another', async () => {
  answers.record(asked(1n, STRANGER), answer(90));
  for (const id of [2n, 3n, 4n]) answers.record(asked(id), answer(90));
  expect(await kept(2n, 3n, 4n)).toEqual([false, true, true]);
  expect(await answers.of(1n, userOf(STRANGER), 0)).toEqual(answer(90));
});

test('all together have so many bytes', async () => {
  for (const digit of ['1', '2', '3', '4']) answers.record(asked(BigInt(digit), address(digit)), answer(90));
  expect(await answers.of(1n, userOf(address('1')), 0)).toBeUndefined();
  expect(await answers.of(2n, userOf(address('2')), 0)).toEqual(answer(90));
});

test('the later answer to an order counts', async () => {
  answers.record(asked(1n), answer(1));
  answers.record(asked(1n), answer(2));
  expect(await answers.of(1n, userOf(OWNER), 0)).toEqual(answer(2));
});

test('of an answer that is too large its status is kept', async () => {
  answers.record(asked(1n), answer(101));
  const told = (await answers.of(1n, userOf(OWNER), 0)) as Answer;
  expect(told.status).toBe(201);
  expect(JSON.parse(Buffer.from(told.body).toString())).toMatchObject({ kind: 'Status', status: 'Success' });
});

test('a refusal is as Kubernetes says it', () => {
  const body = JSON.parse(Buffer.from(statusAnswer(403, 'Forbidden', 'no').body).toString());
  expect(body).toMatchObject({ kind: 'Status', status: 'Failure', reason: 'Forbidden', code: 403 });
});
