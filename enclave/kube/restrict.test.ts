import { expect, test } from 'vitest';
import { restrictPodSpec } from './restrict.ts';

test('the assigned worker is preferred by its name, not by a label that any node may give itself', () => {
  const { affinity } = restrictPodSpec({ containers: [] }, 'worker-1');
  expect(affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution).toMatchObject([
    { preference: { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['worker-1'] }] } },
  ]);
});
