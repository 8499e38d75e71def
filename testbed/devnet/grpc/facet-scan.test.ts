import { expect, test } from 'vitest';
import { denseIndex, type FacetIndex, FacetScan } from './facet-scan.ts';

const COUNT = 50_000;
const ALL = { low: 0, high: COUNT };

/** `rare` stands at every 9,999th place, `common` everywhere else. */
const index: FacetIndex = {
  ...denseIndex(COUNT),
  next: (facet, place, descending) => {
    const isThere = (at: number) => (at % 9_999 === 0) === (facet === 'rare');
    for (let at = place; at >= 0 && at < COUNT; at += descending ? -1 : 1) if (isThere(at)) return at;
    return undefined;
  },
};

const rare = Array.from({ length: 6 }, (_, multiple) => multiple * 9_999);

test.each([
  ['up', false],
  ['down', true],
])('%s: what takes too long to find is found by going on from the frontier', (_way, descending) => {
  const filter = [[{ facet: 'common', negated: true }]];
  const found: number[] = [];
  let stops = 0;
  for (let range = ALL; ; ) {
    const scan = new FacetScan(index, filter, range, descending);
    let next = scan.next(range);
    for (; typeof next === 'number'; next = scan.next(range)) found.push(next);
    if (next === undefined) break;
    stops += 1;
    range = descending ? { low: 0, high: scan.frontier + 1 } : { low: scan.frontier, high: COUNT };
  }
  expect(stops).toBeGreaterThan(2);
  expect(found).toEqual(descending ? [...rare].reverse() : rare);
});

test('what is rare is found without looking at what is not', () => {
  const filter = [[{ facet: 'rare', negated: false }], [{ facet: 'rare', negated: false }]];
  const scan = new FacetScan(index, filter, ALL, false);
  expect(rare.map(() => scan.next(ALL))).toEqual(rare);
  expect(scan.next(ALL)).toBeUndefined();
});

test('of two terms the one that came less far decides where to go on', () => {
  const slow = [
    { facet: 'common', negated: true },
    { facet: 'nothing', negated: true },
  ];
  const none = [
    { facet: 'rare', negated: false },
    { facet: 'common', negated: false },
  ];
  const scan = new FacetScan(index, [slow, none], { low: 1, high: COUNT }, false);
  expect(scan.next({ low: 1, high: COUNT })).toSatisfy((step) => step === 9_999 || step === 'budget');
  expect(scan.frontier).toBeLessThanOrEqual(10_000);
});
