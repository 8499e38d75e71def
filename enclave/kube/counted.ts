import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { V1ResourceQuota } from '@kubernetes/client-node';
import type { Kubernetes } from './kubernetes.ts';
import { type Amounts, fromUsed } from './quota.ts';
import { NotYet } from './retry.ts';

/** Counting takes some milliseconds; whoever has waited for a second comes again. */
const READS = 50;
const PAUSE_MS = 20;

/**
 * What there is by a quota that is in force as it stands. Kubernetes limits by what it counted last: not at all before
 * the first time, and to what was allowed before until the next.
 *
 * @throws {NotYet} while Kubernetes has not counted
 */
export async function countedBy(
  kubernetes: Pick<Kubernetes, 'read'>,
  namespace: string,
  name: string,
): Promise<Amounts> {
  const ref = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name, namespace } };
  for (let reads = 1; ; reads += 1) {
    const quota = await kubernetes.read<V1ResourceQuota>(ref);
    const { hard, used } = quota?.status ?? {};
    if (used !== undefined && isDeepStrictEqual(hard, quota?.spec?.hard)) return fromUsed(used);
    if (reads === READS)
      throw new NotYet(`Cannot limit ${namespace}: Kubernetes has not counted what is in it yet`);
    await sleep(PAUSE_MS);
  }
}
