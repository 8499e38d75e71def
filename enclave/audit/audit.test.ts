import { expect, test } from 'vitest';
import { Audit, type AuditEntry, foldEntry } from './audit.ts';

test('whoever has the entries arrives at the head, and at no other after a change', () => {
  const log: AuditEntry[] = [];
  const audit = new Audit(
    (entry) => log.push(entry),
    () => 1_000,
  );
  audit.append({ action: 'join', subject: 'worker-1', result: 'admitted' });
  audit.append({ action: 'apply', subject: 'Pod/web', requestId: '1', result: 'created' });
  const fold = (entries: AuditEntry[]) => entries.reduce(foldEntry, new Uint8Array(32) as Uint8Array);
  expect(fold(log)).toEqual(audit.head);
  expect(fold(log.toReversed())).not.toEqual(audit.head);
  expect(fold([log[0]!, { ...log[1]!, result: 'failed' }])).not.toEqual(audit.head);
  expect(audit.recent()[0]?.subject).toBe('Pod/web');
});
