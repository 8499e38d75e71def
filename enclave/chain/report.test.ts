import { REQUEST_STATUS } from '@daasvader/chain/codes.ts';
import { expect, test } from 'vitest';
import { Report } from './report.ts';
import type { Request } from './requests.ts';

const soon = () => new Promise((resolve) => setTimeout(resolve, 300));

test('what the chain never says is told more and more rarely, and no more when it says it', async () => {
  let status: number = REQUEST_STATUS.cancelled;
  let said = 0;
  const report = new Report({
    writer: {
      submit: async () => {
        said += 1;
      },
    },
    seat: {} as never,
    requests: { get: () => ({ status }) as Request },
    againMs: 10,
  });
  const telling = report.settled(1n, 0);
  await soon();
  expect(said).toBeGreaterThan(2);
  expect(said).toBeLessThan(8);
  status = REQUEST_STATUS.failed;
  await telling;
});
