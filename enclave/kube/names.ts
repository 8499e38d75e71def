import { codeName, ROLE, type Role } from '@daasvader/chain/codes.ts';

/** Prefix of every label and annotation that the enclave sets; nobody else may. */
export const OWN_PREFIX = 'daasvader.io/';

/** The name of a role's number on chain; an unknown number has no rights. */
export function roleName(role: number): Role {
  return codeName(ROLE, role) ?? 'none';
}
