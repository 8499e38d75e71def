import type { Act } from '@daasvader/chain/calls/operator.ts';
import type { Transaction } from '@mysten/sui/transactions';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Metrics } from '../metrics.ts';
import { ChainRefusal } from './chain-refusal.ts';
import { Freshness } from './freshness.ts';
import type { Executed } from './operator.ts';
import { MAX_ATTEMPTS, MAX_STATEMENTS, type Statement, Writer, type WriterOptions } from './writer.ts';

const DONE: Executed = { digest: 'digest', objectTypes: {} };
const ACT = 'act' as unknown as Act;

let freshness: Freshness;
let now: number;
/** What each transaction said; each began with the act, which is left out. */
let transactions: string[][];
let answers: (() => Promise<Executed>)[];
let failures: number;
let running: number;
let most: number;
let subject: Writer;

beforeEach(() => {
  now = 0;
  freshness = new Freshness(1_000, () => now);
  [transactions, answers, failures, running, most] = [[], [], 0, 0, 0];
  subject = writer();
});

afterEach(() => subject.stop());

/** What of a transaction is used here: it takes note. */
const noting = (said: string[]) => said as unknown as Transaction;

/** A writer whose operator answers as `answers` say, and then that all went well. */
function writer(options: Partial<WriterOptions> = {}): Writer {
  const execute: WriterOptions['operator']['execute'] = async (build, onSigned) => {
    running += 1;
    most = Math.max(most, running);
    try {
      onSigned?.(`digest ${transactions.length}`);
      const said: string[] = [];
      build(noting(said));
      expect(said.shift()).toBe('act');
      transactions.push(said);
      return await (answers.shift()?.() ?? Promise.resolve(DONE));
    } finally {
      running -= 1;
    }
  };
  return new Writer({
    operator: { execute },
    begin: (tx) => {
      (tx as unknown as string[]).push('act');
      return ACT;
    },
    freshness,
    gatherMs: 0,
    metrics: new Metrics(),
    log: pino({ enabled: false }),
    onFailure: () => {
      failures += 1;
    },
    ...options,
  });
}

const saying = (label: string) => (tx: Transaction, act: Act) => {
  expect(act).toBe(ACT);
  (tx as unknown as string[]).push(label);
};

function say(label: string, change: Partial<Statement> = {}): Promise<void> {
  const statement = { subject: 'request 1', party: 'one', label, needed: () => true, build: saying(label) };
  return subject.submit({ ...statement, ...change });
}

const about = (label: string, party = 'one') => say(label, { subject: label, party });
const beat = () => subject.beat(saying('heartbeat'));
const refuse = (command?: number) => () => Promise.reject(new ChainRefusal('no', command));
const never = () => new Promise<never>(() => undefined);
const makeFresh = () => {
  freshness.sent('fresh');
  freshness.echoed('fresh');
};
const soon = () => new Promise((resolve) => setTimeout(resolve, 150));

test('while the word is old, nothing is said but the heartbeat, which does not wait behind the rest', async () => {
  const completing = say('complete');
  await beat();
  await soon();
  expect(transactions).toEqual([['heartbeat']]);
  expect(freshness.echoed('digest 0')).toBe(true);
  await completing;
  expect(transactions).toEqual([['heartbeat'], ['complete']]);
});

test('what is no longer needed when the word is fresh again is not said', async () => {
  let isNeeded = true;
  const completing = say('complete', { needed: () => isNeeded });
  await soon();
  isNeeded = false;
  makeFresh();
  await completing;
  expect(transactions).toEqual([]);
});

describe('what waits', () => {
  beforeEach(makeFresh);

  test('of one subject is said in order and one at a time, heartbeats between them', async () => {
    answers = [() => soon().then(() => DONE)];
    const both = [say('one'), say('two')];
    await expect.poll(() => transactions.length).toBe(1);
    await beat();
    await Promise.all(both);
    expect(transactions).toEqual([['one'], ['heartbeat'], ['two']]);
  });

  test('of many subjects is said together, a bounded number in one transaction, and none is forgotten', async () => {
    answers = Array.from({ length: 10 }, () => () => soon().then(() => DONE));
    const labels = Array.from({ length: 600 }, (_, i) => `${i}`);
    await Promise.all(labels.map((label) => about(label)));
    expect(transactions.flat().toSorted()).toEqual(labels.toSorted());
    expect(Math.max(...transactions.map(({ length }) => length))).toBe(MAX_STATEMENTS);
    expect(most).toBe(MAX_ATTEMPTS);
  });

  test('after a transaction goes together in the next one', async () => {
    subject = writer({ gatherMs: 1_500 });
    await about('first');
    const later = [];
    for (const label of ['a', 'b', 'c']) {
      later.push(about(label));
      await soon();
    }
    expect(transactions).toEqual([['first']]);
    await beat();
    await Promise.all(later);
    expect(transactions).toEqual([['first'], ['heartbeat'], ['a', 'b', 'c']]);
  });

  test('in such numbers that it fills transactions does not wait to be gathered', async () => {
    subject = writer({ gatherMs: 60_000 });
    await about('first');
    await Promise.all(Array.from({ length: 2 * MAX_STATEMENTS }, (_, i) => about(`${i}`)));
    expect(transactions.map(({ length }) => length)).toEqual([1, MAX_STATEMENTS, MAX_STATEMENTS]);
  });

  test('of who has little to say does not wait for all that another has', async () => {
    const many = Array.from({ length: 400 }, (_, i) => about(`many ${i}`));
    const few = ['a', 'b'].map((each) => about(each, 'two'));
    await Promise.all([...many, ...few]);
    expect(transactions.flat()).toHaveLength(402);
    const later = transactions.slice(1, 6).flat();
    expect([...transactions[0]!, ...later]).toEqual(expect.arrayContaining(['a', 'b']));
  });

  test('of one subject is bounded; the oldest is given up for the newest', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, i) => say(`${i}`)));
    expect(transactions).toEqual(Array.from({ length: 16 }, (_, i) => [`${i + 4}`]));
  });

  test('behind attempts that get no answer keeps the heartbeat waiting in no case', async () => {
    answers = Array.from({ length: MAX_ATTEMPTS }, () => never);
    for (let i = 0; i < MAX_ATTEMPTS * MAX_STATEMENTS + 1; i += 1) void about(`${i}`);
    await soon();
    await beat();
    expect(transactions.map(({ length }) => length)).toEqual([
      ...Array.from({ length: MAX_ATTEMPTS }, () => MAX_STATEMENTS),
      1,
    ]);
    expect(transactions.at(-1)).toEqual(['heartbeat']);
  });

  test('is given up when the writer is stopped', async () => {
    answers = [never];
    const all = [say('one'), about('two'), say('three')];
    await soon();
    const late = about('four');
    subject.stop();
    await Promise.all([late, about('five')]);
    expect(transactions.flat()).toEqual(['one', 'two']);
    expect(all).toHaveLength(3);
  });
});

describe('of a transaction that is refused', () => {
  /** Answers a transaction that says one of these with no. */
  function refuseAll(...bad: string[]): void {
    const said = (label: string) => transactions.at(-1)?.includes(label);
    answers = Array.from({ length: 50 }, () => () => (bad.some(said) ? refuse()() : Promise.resolve(DONE)));
  }

  beforeEach(makeFresh);

  test('all goes on but the statement that was refused, which is given up', async () => {
    refuseAll('5');
    const labels = Array.from({ length: 8 }, (_, i) => `${i}`);
    const others = labels.filter((label) => label !== '5').map((label) => about(label));
    const bad = about('5');
    await Promise.all(others);
    const before = transactions.length;
    await bad;
    expect(before).toBeLessThan(10);
    const alone = transactions.filter((said) => said.length === 1 && said[0] === '5');
    expect(alone).toHaveLength(4);
  });

  test('nothing goes on apart when it was refused for its beginning', async () => {
    answers = Array.from({ length: 4 }, () => refuse(0));
    await Promise.all(['a', 'b', 'c'].map((label) => about(label)));
    expect(transactions).toHaveLength(4);
    expect(transactions.every(({ length }) => length === 3)).toBe(true);
  });

  test('what waits behind one that is given up is said', async () => {
    answers = Array.from({ length: 4 }, () => refuse());
    await Promise.all([say('one'), say('two')]);
    expect(transactions.flat()).toEqual(['one', 'one', 'one', 'one', 'two']);
  });
});

test('a statement that cannot be built keeps neither other subjects nor the heartbeat waiting for long', async () => {
  makeFresh();
  const build = () => {
    throw new Error('no such request');
  };
  void say('bad', { build });
  await soon();
  await say('good', { subject: 'request 2' });
  await beat();
  expect(transactions).toEqual([['good'], ['heartbeat']]);
});

test('a condition that cannot be told is the end of its statement, and of nothing else', async () => {
  makeFresh();
  const needed = () => {
    throw new Error('no state');
  };
  await Promise.all([say('one', { needed }), say('two')]);
  expect(transactions).toEqual([['two']]);
});

test('what a full node says was done, but does not come back proven, is said again', async () => {
  makeFresh();
  subject = writer({ confirmMs: 20 });
  await say('complete', { needed: () => transactions.length < 2 });
  await expect.poll(() => transactions.length).toBe(2);
  await soon();
  expect(transactions).toHaveLength(2);
});

test('what the chain finds nothing to do about is said again more and more rarely', async () => {
  makeFresh();
  subject = writer({ confirmMs: 20 });
  await say('level');
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(transactions.length).toBeGreaterThan(2);
  expect(transactions.length).toBeLessThan(7);
});

test('what is said again by who said it first is repeated no more often for that', async () => {
  makeFresh();
  subject = writer({ confirmMs: 20 });
  const statement = { subject: 's', party: 'p', label: 'level', needed: () => true, build: saying('level') };
  for (let i = 0; i < 5; i += 1) await subject.submit(statement);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(transactions.length).toBeGreaterThan(5);
  expect(transactions.length).toBeLessThan(5 + 7);
});

test('a failure is repeated, elsewhere, until it went well', async () => {
  makeFresh();
  answers = [() => Promise.reject(new Error('no answer'))];
  await say('one');
  expect(transactions).toEqual([['one'], ['one']]);
  expect(failures).toBe(1);
});

test('a word that becomes old while a statement waits for its turn keeps it from being said', async () => {
  makeFresh();
  answers = [
    async () => {
      now += 2_000;
      return DONE;
    },
  ];
  void say('one');
  void say('two');
  await soon();
  expect(transactions).toEqual([['one']]);
});
