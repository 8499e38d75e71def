import type { Binding } from '@daasvader/attestation/binding.ts';
import type { Committee } from '@daasvader/checkpoint/committee.ts';
import { untilSeated } from '../chain/lead.ts';
import { register, takeSeat } from '../chain/registration.ts';
import type { Nsm } from '../nsm/nsm.ts';
import { makeBinding } from './binding.ts';
import type { Chain } from './chain.ts';
import type { Configuration } from './configuration.ts';
import type { Followed } from './following.ts';
import type { Keys } from './keys.ts';
import { assertRanges } from './ranges.ts';
import type { Steps } from './steps.ts';

/** What this enclave answers for, and before whom. */
export interface SeatOptions {
  readonly configuration: Configuration;
  readonly keys: Keys;
  /** The certificate, in PEM, of the authority that users and workers trust. */
  readonly caPem: string;
  readonly chain: Chain;
  /** That the chain is followed from. */
  readonly committee: Committee;
  /** The chain's word, which is followed already: what it says of this enclave must not be missed. */
  readonly followed: Followed;
  readonly nsm: Nsm;
}

/**
 * Gives this enclave a seat: binds its keys, CA and configuration, proves them to the chain and has the host seat it.
 * That it is seated, and in which cluster, is believed when the chain proves it.
 *
 * @returns what it attests from now on
 * @throws {EnclaveError} `configuration` when it is another cluster than configured, `registration`, `host` or `sponsor`
 * @throws {ChainRefusal} when the chain does not accept it
 */
export async function takeASeat(options: SeatOptions, steps: Steps, signal: AbortSignal): Promise<Binding> {
  const { configuration, keys, caPem, chain, committee, followed, nsm } = options;
  const { cluster, k3s } = configuration;
  const { client, operator, services } = chain;
  await steps.run('ranges', () => assertRanges(client, configuration));
  const binding = await steps.run('binding', () =>
    makeBinding(configuration, keys, caPem, client, committee),
  );
  const registration = { operator, nsm, services, ids: cluster, binding };
  const enclaveId = await steps.run('registration', () => register(registration));
  await steps.run('seat', () => takeSeat(registration, enclaveId));
  await steps.run('seat proven', () => untilSeated(followed.standing, signal));
  const { workersId, stakingId, schedulerId, imagesId } = cluster;
  const ranges = { clusterCidr: k3s.cluster_cidr, serviceCidr: k3s.service_cidr };
  followed.registry.assertIs({ workersId, stakingId, schedulerId, imagesId, ...ranges });
  return binding;
}
