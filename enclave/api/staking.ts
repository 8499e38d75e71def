import type { ContractReader, StakingPool } from '@daasvader/chain/objects.ts';
import { z } from 'zod';
import type { ClusterState } from '../chain/cluster-state.ts';
import { namespaceOf, ROLES, type Role, roleName } from '../kube/names.ts';
import { HttpProblem } from './problem.ts';
import type { Routes } from './server.ts';

const query = z.object({
  address: z
    .string()
    .regex(/^0x[0-9a-f]{64}$/, 'must be a full Sui address')
    .optional(),
});

const THRESHOLDS: Record<Exclude<Role, 'none'>, keyof StakingPool> = {
  viewer: 'viewerStake',
  developer: 'developerStake',
  admin: 'adminStake',
  super: 'superStake',
};

/**
 * `GET /api/v1/staking/status`: what stakes give and who has how much; with `?address=…` the role of one address. Roles
 * and stakes are as proven; the least stakes of roles are what the full node says, and nothing here acts on them.
 */
export function stakingRoutes(state: ClusterState, chain: Pick<ContractReader, 'staking'>): Routes {
  return (router) => {
    router.get('/api/v1/staking/status', async (ctx) => {
      const { address } = query.parse(ctx.query);
      ctx.body =
        address === undefined
          ? summary(state, await readPool(chain))
          : { address, role: roleName(state.role(address)), namespace: namespaceOf(address) };
    });
  };
}

function summary({ stakers }: ClusterState, pool: StakingPool) {
  const roles = ROLES.filter((role) => role !== 'none').map((role) => ({
    role,
    minimum_stake_mist: `${pool[THRESHOLDS[role]]}`,
    stakers: stakers.filter((each) => roleName(each.role) === role).length,
  }));
  const total = stakers.reduce((sum, { bondedMist }) => sum + bondedMist, 0n);
  return { roles, total_staked_mist: `${total}` };
}

async function readPool(chain: Pick<ContractReader, 'staking'>): Promise<StakingPool> {
  try {
    return await chain.staking();
  } catch (cause) {
    const message = 'Cannot read the stakes of roles: the full node did not answer; try again later';
    throw new HttpProblem(503, 'chain', message, { cause });
  }
}
