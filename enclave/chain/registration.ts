import { type Binding, userData } from '@daasvader/attestation/binding.ts';
import { openRegistration, registerEnclave } from '@daasvader/chain/calls/operator.ts';
import type { ContractIds } from '@daasvader/chain/deployment.ts';
import type { Nsm } from '../nsm/nsm.ts';
import type { HostServices } from './host-services.ts';
import { createdObject, type Operator } from './operator.ts';

/** What registering needs. */
export interface RegistrationOptions {
  readonly operator: Operator;
  readonly nsm: Nsm;
  readonly services: HostServices;
  readonly ids: ContractIds;
  readonly binding: Binding;
}

/**
 * Registers this enclave: a ticket from the chain, an attestation document with the ticket's id as its nonce, and the
 * chain's own check of it. Registered is not seated: see {@link takeSeat}.
 *
 * @returns the id that the enclave has on chain
 * @throws {ChainRefusal} when the chain does not accept the document, its measurement or its binding
 */
export async function register({ operator, nsm, ids, binding }: RegistrationOptions): Promise<string> {
  const opened = await operator.execute((tx) => openRegistration(tx, ids));
  const ticketId = createdObject(opened, '::enclave_registry::RegistrationTicket');
  const document = await nsm.attest({
    nonce: Buffer.from(ticketId.slice(2), 'hex'),
    userData: await userData(binding),
  });
  const registered = await operator.execute((tx) =>
    registerEnclave(tx, ids, { ...binding, ticketId, document }),
  );
  return createdObject(registered, '::enclave_registry::Enclave');
}

/** Has the host, whose account the admin appointed, seat this enclave. */
export async function takeSeat(
  { services, operator }: RegistrationOptions,
  enclaveId: string,
): Promise<void> {
  await services.seat(enclaveId, operator.address);
}
