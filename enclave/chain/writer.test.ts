import { pino } from 'pino';
import { beforeEach, expect, test } from 'vitest';
import { EnclaveError } from '../error.ts';
import { Metrics } from '../metrics.ts';
import { Freshness } from './freshness.ts';
import { ChainRefusal, type Executed } from './operator.ts';
import { Writer, type WriterOptions } from './writer.ts';

const DONE: Executed = { digest: 'digest', objectTypes: {} };

let freshness: Freshness;
let now: number;
let executed: string[];
let answers: (() => Promise<Executed>)[];
let failures: number;
let running: number;
let most: number;

beforeEach(() => {
  now = 0;
  freshness = new Freshness(1_000, () => now);
  [executed, answers, failures, running, most] = [[], [], 0, 0, 0];
});

/** A writer whose operator answers as `answers` say, and then that all went well. */
function writer(options: Pick<WriterOptions, 'confirmMs'> = {}): Writer {
  return new Writer({
    operator: {
      execute: async (build, onSigned) => {
        running += 1;
        most = Math.max(most, running);
        try {
          onSigned?.(`digest ${executed.length}`);
          build(undefined as never);
          return await (answers.shift()?.() ?? Promise.resolve(DONE));
        } finally {
          running -= 1;
        }
      },
    },
    ...options,
    freshness,
    metrics: new Metrics(),
    log: pino({ enabled: false }),
    onFailure: () => {
      failures += 1;
    },
  });
}

const say = (label: string, needed = () => true, subject = 'request 1', party = 'one') => ({
  subject,
  party,
  label,
  needed,
  build: () => void executed.push(label),
});
const beat = () => void executed.push('heartbeat');
const makeFresh = () => {
  freshness.sent('fresh');
  freshness.echoed('fresh');
};
const soon = () => new Promise((resolve) => setTimeout(resolve, 150));

test('while the word is old, nothing is said but the heartbeat, which does not wait behind the rest', async () => {
  const subject = writer();
  const saying = subject.submit(say('complete'));
  await subject.beat(beat);
  await soon();
  expect(executed).toEqual(['heartbeat']);
  expect(freshness.echoed('digest 0')).toBe(true);
  await saying;
  expect(executed).toEqual(['heartbeat', 'complete']);
});

test('what is no longer needed when the word is fresh again is not said', async () => {
  let isNeeded = true;
  const subject = writer();
  const saying = subject.submit(say('complete', () => isNeeded));
  await soon();
  isNeeded = false;
  makeFresh();
  await saying;
  expect(executed).toEqual([]);
});

test('what is said of one subject is said in order and one at a time, heartbeats between them', async () => {
  makeFresh();
  answers = [() => soon().then(() => DONE)];
  const subject = writer();
  await Promise.all([subject.submit(say('one')), subject.beat(beat), subject.submit(say('two'))]);
  expect(executed).toEqual(['one', 'heartbeat', 'two']);
});

test('a statement that fails and fails keeps neither other subjects nor the heartbeat waiting', async () => {
  makeFresh();
  const bad = say('bad', undefined, 'request 1');
  bad.build = () => {
    throw new Error('no such request');
  };
  const subject = writer();
  const failing = subject.submit(bad);
  await subject.submit(say('good', undefined, 'request 2'));
  await subject.beat(beat);
  expect(executed).toEqual(['good', 'heartbeat']);
  subject.stop();
  await failing;
});

test('attempts that get no answer hold up neither the heartbeat nor more than their part of the others', async () => {
  makeFresh();
  answers = Array.from({ length: 8 }, () => () => new Promise<never>(() => undefined));
  const subject = writer();
  for (let i = 0; i < 8; i += 1) void subject.submit(say('stuck', undefined, `request ${i}`));
  void subject.submit(say('waits', undefined, 'request 8'));
  await subject.beat(beat);
  expect(executed).toEqual([...Array(8).fill('stuck'), 'heartbeat']);
  expect(most).toBe(9);
  subject.stop();
});

test('any number of subjects is served, a few at a time, and none is forgotten', async () => {
  makeFresh();
  const subject = writer();
  const labels = Array.from({ length: 100 }, (_, i) => `${i}`);
  await Promise.all(labels.map((label) => subject.submit(say(label, undefined, `request ${label}`))));
  expect(executed.toSorted()).toEqual(labels.toSorted());
  expect(most).toBe(8);
});

test('who has little to say does not wait for all that another has', async () => {
  makeFresh();
  const subject = writer();
  const many = Array.from({ length: 200 }, (_, i) => subject.submit(say('many', undefined, `request ${i}`)));
  const few = ['a', 'b'].map((each) => subject.submit(say(each, undefined, `request ${each}`, 'two')));
  await Promise.all([...many, ...few]);
  expect(executed).toHaveLength(202);
  expect(executed.indexOf('b')).toBeLessThan(20);
});

test('a gate that shuts while a statement waits for its turn, for whatever reason, is no failure', async () => {
  makeFresh();
  const subject = writer();
  const { assert } = freshness;
  let shut = 3;
  Object.assign(freshness, {
    assert: () => {
      if (shut-- > 0) throw new EnclaveError('k3s', 'Cannot act: Kubernetes keeps nothing');
      assert();
    },
  });
  await subject.submit(say('one'));
  expect(executed).toEqual(['one']);
  expect(failures).toBe(0);
});

test('of one subject so much waits at most; the oldest is given up for the newest', async () => {
  const subject = writer();
  const saying = Array.from({ length: 20 }, (_, i) => subject.submit(say(`${i}`)));
  makeFresh();
  await Promise.all(saying);
  expect(executed).toEqual(['0', ...Array.from({ length: 16 }, (_, i) => `${i + 4}`)]);
});

test('a condition that cannot be told is the end of its statement, and of nothing else', async () => {
  makeFresh();
  const subject = writer({ confirmMs: 20 });
  let asked = 0;
  const needed = () => {
    asked += 1;
    if (asked > 1) throw new Error('no state');
    return true;
  };
  await subject.submit(say('one', needed));
  await soon();
  await subject.submit(say('two'));
  subject.stop();
  expect(executed).toEqual(['one', 'two']);
});

test('what a full node says was done, but does not come back proven, is said again', async () => {
  makeFresh();
  const subject = writer({ confirmMs: 20 });
  await subject.submit(say('complete', () => executed.length < 2));
  await expect.poll(() => executed.length).toBe(2);
  await soon();
  expect(executed).toHaveLength(2);
});

test('a failure is repeated, elsewhere, until it went well', async () => {
  makeFresh();
  answers = [() => Promise.reject(new Error('no answer'))];
  await writer().submit(say('one'));
  expect(executed).toEqual(['one', 'one']);
  expect(failures).toBe(1);
});

test('when the chain keeps refusing it is given up, and what waits behind it is said', async () => {
  makeFresh();
  answers = Array.from({ length: 4 }, () => () => Promise.reject(new ChainRefusal('digest', 'no')));
  const subject = writer();
  await Promise.all([subject.submit(say('one')), subject.submit(say('two'))]);
  expect(executed).toEqual(['one', 'one', 'one', 'one', 'two']);
});

test('a word that becomes old while a statement waits for its turn keeps it from being said', async () => {
  makeFresh();
  answers = [
    async () => {
      now += 2_000;
      return DONE;
    },
  ];
  const subject = writer();
  const saying = [subject.submit(say('one')), subject.submit(say('two'))];
  await soon();
  expect(executed).toEqual(['one']);
  subject.stop();
  await Promise.all(saying);
});
