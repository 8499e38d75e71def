import type { OperatorIds } from '@daasvader/chain/calls/operator.ts';
import type { ContractIds } from '@daasvader/chain/deployment.ts';
import { EnclaveError } from '../error.ts';
import type { Registry } from './registry.ts';
import type { Standing } from './standing.ts';

/**
 * The ids by which this enclave speaks, as of when each is used: the package is the one that the chain proves to be
 * called now, and the enclave the one that it proves to be ours. They are to be handed on, not copied.
 */
export function operatorIds(ids: ContractIds, registry: Registry, standing: Standing): OperatorIds {
  return {
    ...ids,
    get packageId() {
      return registry.packageId;
    },
    get enclaveId() {
      const { enclaveId } = standing;
      if (enclaveId !== undefined) return enclaveId;
      throw new EnclaveError(
        'registration',
        'Cannot speak: the chain does not say yet that we are registered',
      );
    },
  };
}
