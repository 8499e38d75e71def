import { expect, test } from 'vitest';
import { followLine } from '../process.ts';

const SUMMARY = {
  checkpoint: 12,
  digest: 'D1gest',
  sender: `0x1234abcd${'0'.repeat(56)}`,
  calls: ['counter::increment'],
  objects: [],
  events: ['0x2::a::B'],
};

test.each([
  ['Success', null, 'Success'],
  ['Failure', { $kind: 'InsufficientGas', InsufficientGas: true }, 'Failure InsufficientGas'],
  ['Failure', { $kind: 'MoveAbort', MoveAbort: [{}, '7'] }, 'Failure MoveAbort 7'],
  [
    'Failure',
    {
      $kind: 'CommandArgumentError',
      CommandArgumentError: { argIdx: 0, kind: { $kind: 'TypeMismatch', TypeMismatch: true } },
    },
    'Failure CommandArgumentError TypeMismatch',
  ],
] as const)('a line says how a transaction ended: %s %j', (status, error, said) => {
  const line = followLine({ ...SUMMARY, status, error, objects: [] });
  expect(line).toBe(`#12 D1gest ${said} 0x1234abcd… counter::increment (0 objects, 1 events)`);
});
