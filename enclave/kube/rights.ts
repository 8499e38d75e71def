import { ROLE } from '@daasvader/chain/codes.ts';
import type { Request } from '../chain/requests.ts';
import type { Roles } from '../chain/roles.ts';
import { EnclaveError } from '../error.ts';
import { namespaceIn, roleName } from './names.ts';

/**
 * Whether a request may be carried out now. What its event says of a role is not asked: a role is a condition, and a
 * stake that was withdrawn since gives none. What had begun before this boot goes on as long as others' workloads of the
 * namespace do. Which kinds a role may write the API server says.
 *
 * @param namespace in full
 * @throws {EnclaveError} `request`, saying what is missing
 */
export function assertMay(
  { owner, requester, atMs, wasStarted }: Pick<Request, 'owner' | 'requester' | 'atMs' | 'wasStarted'>,
  namespace: string,
  roles: Pick<Roles, 'roleIn' | 'heldSinceMs' | 'phaseOf'>,
): void {
  const phase = roles.phaseOf(owner, namespace);
  if (phase !== 'held' && !(wasStarted && phase === 'grace'))
    throw refuse(`the stake of its owner is not enough for namespace ${namespace}, or it is not claimed`);
  if (atMs < roles.heldSinceMs(owner, namespace))
    throw refuse(`namespace ${namespace} was given up since it was asked for; ask again`);
  if (wasStarted) return;
  const role = roles.roleIn(owner, namespace, requester);
  if (role < ROLE.developer) throw refuse(`the role ${roleName(role)} may only read`);
}

/** Whether what was carried out once belongs into the cluster still. */
export function isKept(
  request: Pick<Request, 'owner' | 'namespace' | 'atMs'>,
  roles: Pick<Roles, 'heldSinceMs' | 'phaseOf'>,
): boolean {
  const { owner, atMs } = request;
  const namespace = namespaceIn(request);
  return roles.phaseOf(owner, namespace) !== 'gone' && atMs >= roles.heldSinceMs(owner, namespace);
}

/**
 * Refuses what was carried out once and does not belong into the cluster any more.
 *
 * @throws {EnclaveError} `request`
 */
export function assertKept(...asked: Parameters<typeof isKept>): void {
  if (!isKept(...asked)) throw refuse('its namespace was given up since');
}

function refuse(reason: string): EnclaveError {
  return new EnclaveError('request', `Cannot carry out request: ${reason}`);
}
