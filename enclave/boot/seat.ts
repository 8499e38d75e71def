import { register, takeSeat } from '../chain/registration.ts';
import type { Nsm } from '../nsm/nsm.ts';
import { makeBinding } from './binding.ts';
import type { Chain } from './chain.ts';
import { startingCommittee } from './committee.ts';
import type { Configuration } from './configuration.ts';
import type { Keys } from './keys.ts';
import type { Steps } from './steps.ts';

/** What this enclave answers for, and before whom. */
export interface SeatOptions {
  readonly configuration: Configuration;
  readonly keys: Keys;
  /** The certificate, in PEM, of the authority that users and workers trust. */
  readonly caPem: string;
  readonly chain: Chain;
  readonly nsm: Nsm;
}

/**
 * Makes this enclave the operator: binds its keys, CA and configuration, proves them to the chain and takes the seat.
 *
 * @returns the ids of the enclave in its seat, what it attests from now on, and the committee to follow the chain from
 * @throws {EnclaveError} `configuration`, `registration`, `host` or `sponsor`
 * @throws {ChainRefusal} when the chain does not accept it
 */
export async function becomeOperator({ configuration, keys, caPem, chain, nsm }: SeatOptions, steps: Steps) {
  const { client, operator, services } = chain;
  const ids = configuration.cluster;
  const committee = await steps.run('committee', () => startingCommittee(client, ids));
  const binding = await steps.run('binding', () =>
    makeBinding(configuration, keys, caPem, client, committee),
  );
  const registration = { operator, nsm, services, ids, binding };
  const seat = await steps.run('registration', () => register(registration));
  await steps.run('seat', () => takeSeat(registration, seat));
  return { seat, binding, committee };
}
