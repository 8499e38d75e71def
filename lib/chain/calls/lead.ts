/** What seated enclaves call to agree on the one that leads, and on the cluster's identity. */
import { bcs } from '@mysten/sui/bcs';
import type { Transaction } from '@mysten/sui/transactions';
import { CLOCK_ID } from '../clock.ts';
import { bytes, call, callPlain } from './call.ts';
import type { Act, OperatorIds } from './operator.ts';

/** Makes this enclave the one that speaks as the operator, if the term is still the one that it knows. */
export function takeLead(tx: Transaction, ids: OperatorIds, expectedTerm: bigint): void {
  call(tx, ids, 'lead::take_lead', [ids.registryId, ids.enclaveId], [tx.pure.u64(expectedTerm)]);
}

/** Leaves the lead to whichever seated enclave takes it. */
export function giveUpLead(tx: Transaction, ids: OperatorIds, act: Act): void {
  callPlain(tx, ids, 'lead::give_up_lead', [tx.object(ids.registryId), act]);
}

/** Makes the certificate authority that this enclave registered with the cluster's, where it has none. */
export function setIdentity(tx: Transaction, ids: OperatorIds, act: Act): void {
  const given = [tx.object(ids.registryId), act, tx.object(ids.enclaveId), tx.object(CLOCK_ID)];
  callPlain(tx, ids, 'identity::set_identity', given);
}

/** What key servers ask the chain about before they give a seated enclave the state key of a generation. */
export function sealApprove(tx: Transaction, ids: OperatorIds, generation: bigint): void {
  const id = bytes(tx, stateKeyId(ids.registryId, generation));
  const objects = [ids.registryId, ids.enclaveId].map((object) => tx.object(object));
  callPlain(tx, ids, 'seal_policy::seal_approve', [id, ...objects, tx.object(CLOCK_ID)]);
}

/** Under which id a state key is encrypted: the registry's, 32 bytes, and the generation, 8 bytes big-endian. */
export function stateKeyId(registryId: string, generation: bigint): Uint8Array {
  const id = new Uint8Array(40);
  id.set(bcs.Address.serialize(registryId).toBytes());
  new DataView(id.buffer).setBigUint64(32, generation);
  return id;
}
