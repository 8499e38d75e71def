/** What the appointed host account calls. */
import type { Transaction } from '@mysten/sui/transactions';
import type { ContractIds } from '../deployment.ts';
import { call } from './call.ts';

/** Puts an enclave into the seat. */
export function takeSeat(
  tx: Transaction,
  ids: Pick<ContractIds, 'packageId' | 'registryId'>,
  enclaveId: string,
): void {
  call(tx, ids, 'enclave_registry::take_seat', [ids.registryId, enclaveId]);
}
