import { expect, test } from 'vitest';
import { comparable } from './diff.ts';

const metadata = { name: 'a', managedFields: [{ manager: 'daas' }] };

test('whose the fields are is not compared', () => {
  const [live, merged] = comparable(undefined, { kind: 'ConfigMap', metadata, data: { a: '1' } });
  expect(live).toBeUndefined();
  expect(merged).toBe('kind: ConfigMap\nmetadata:\n  name: a\ndata:\n  a: "1"\n');
});

test('of Secrets it is shown what changes, and nothing of what they hold', () => {
  const secret = (data: object) => ({ kind: 'Secret', metadata, data });
  const [live, merged] = comparable(
    secret({ same: 'c2FtZQ==', other: 'b25l', gone: 'Z29uZQ==' }),
    secret({ same: 'c2FtZQ==', other: 'dHdv', new: 'bmV3' }),
  );
  expect(live).toContain('same: "***"\n  other: "*** (before)"\n  gone: "***"\n');
  expect(merged).toContain('same: "***"\n  other: "*** (after)"\n  new: "***"\n');
});
