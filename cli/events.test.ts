import { expect, test } from 'vitest';
import { eventsOf } from './events.ts';

const event = (kind: string, name: string, more: object = {}) => ({
  type: 'Warning',
  reason: 'Failed',
  message: 'image "web:1" is not there',
  involvedObject: { kind, name },
  metadata: { creationTimestamp: '2026-01-01T00:00:00Z' },
  ...more,
});

test('events about something and what it made are shown, oldest first', () => {
  const items = [
    event('Pod', 'web-7d-x', { lastTimestamp: '2026-01-01T00:00:09Z', count: 3 }),
    event('Deployment', 'web', { eventTime: '2026-01-01T00:00:05.123456Z', lastTimestamp: null }),
    event('Pod', 'webshop-1'),
  ];
  expect(eventsOf(items, 'web').map(({ object, count }) => [object, count])).toEqual([
    ['deployment/web', 1],
    ['pod/web-7d-x', 3],
  ]);
  expect(eventsOf(items, undefined)).toHaveLength(3);
  expect(eventsOf(items, 'none')).toEqual([]);
});
