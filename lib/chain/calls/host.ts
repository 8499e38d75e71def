/** What an appointed host account calls. */
import type { Transaction } from '@mysten/sui/transactions';
import type { ContractIds } from '../deployment.ts';
import { call } from './call.ts';

/** Puts an enclave into the sender's seat. */
export function takeSeat(
  tx: Transaction,
  ids: Pick<ContractIds, 'packageId' | 'registryId'>,
  enclaveId: string,
): void {
  call(tx, ids, 'enclave_registry::take_seat', [ids.registryId, enclaveId]);
}

/** Pays the fees of all orders so far to the host whose enclave leads. */
export function collectFees(
  tx: Transaction,
  ids: Pick<ContractIds, 'packageId' | 'registryId' | 'schedulerId'>,
): void {
  call(tx, ids, 'k8s_scheduler::collect_fees', [ids.schedulerId, ids.registryId]);
}
