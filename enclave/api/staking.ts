import { type ContractReader, type RoleStakes, roleStakesAt } from '@daasvader/chain/objects.ts';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';
import { z } from 'zod';
import type { ClusterState } from '../chain/cluster-state.ts';
import { roleName } from '../kube/names.ts';
import { HttpProblem } from './problem.ts';
import type { Routes } from './server.ts';

const query = z.object({
  address: z
    .string()
    .regex(/^0x[0-9a-f]{64}$/, 'must be a full Sui address')
    .optional(),
});

type Chain = Pick<ContractReader, 'staking' | 'timeMs'>;

/**
 * `GET /api/v1/staking/status`: what stakes give and who has how much; with `?address=…` the role of one address. Roles
 * and stakes are as proven; the least stakes of roles, as in effect now, are what the full node says, and nothing here
 * acts on them.
 */
export function stakingRoutes(state: ClusterState, chain: Chain): Routes {
  return (router) => {
    router.get(ROUTE.stakingStatus, async (ctx) => {
      const { address } = query.parse(ctx.query);
      ctx.body =
        address === undefined
          ? summary(state, await readRoleStakes(chain))
          : { address, role: roleName(state.roles.roleOf(address)), namespace: namespaceOf(address) };
    });
  };
}

function summary({ roles: { stakers } }: ClusterState, least: RoleStakes) {
  const roles = (Object.keys(least) as (keyof RoleStakes)[]).map((role) => ({
    role,
    minimum_stake_mist: least[role],
    stakers: stakers.filter((each) => roleName(each.role) === role).length,
  }));
  const total = stakers.reduce((sum, { bondedMist }) => sum + bondedMist, 0n);
  return { roles, total_staked_mist: `${total}` };
}

async function readRoleStakes(chain: Chain): Promise<RoleStakes> {
  try {
    const [pool, nowMs] = await Promise.all([chain.staking(), chain.timeMs()]);
    return roleStakesAt(pool, nowMs);
  } catch (cause) {
    const message = 'Cannot read the stakes of roles: the full node did not answer; try again later';
    throw new HttpProblem(503, 'chain', message, { cause });
  }
}
