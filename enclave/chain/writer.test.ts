import { pino } from 'pino';
import { beforeEach, expect, test } from 'vitest';
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

beforeEach(() => {
  now = 0;
  freshness = new Freshness(1_000, () => now);
  [executed, answers, failures, running] = [[], [], 0, 0];
});

/** A writer whose operator answers as `answers` say, and then that all went well. */
function writer(options: Pick<WriterOptions, 'confirmMs'> = {}): Writer {
  return new Writer({
    operator: {
      execute: async (build, onSigned) => {
        expect(running).toBe(0);
        running += 1;
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

const say = (label: string, needed = () => true) => ({
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

test('statements are made in order and one at a time, heartbeats between them', async () => {
  makeFresh();
  answers = [() => soon().then(() => DONE)];
  const subject = writer();
  await Promise.all([subject.submit(say('one')), subject.beat(beat), subject.submit(say('two'))]);
  expect(executed.toSorted()).toEqual(['heartbeat', 'one', 'two']);
  expect(executed.indexOf('one')).toBeLessThan(executed.indexOf('two'));
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
