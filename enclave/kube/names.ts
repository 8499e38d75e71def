import { codeName, ROLE, type Role } from '@daasvader/chain/codes.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';

/** Prefix of every label and annotation that the enclave sets; nobody else may. */
export const OWN_PREFIX = 'daasvader.io/';
/** The annotation that ties an object to the request that wrote it last. */
export const REQUEST_ANNOTATION = `${OWN_PREFIX}request-id`;
/** Marks tenants' namespaces, and in them what is the enclave's own, which nobody else may change. */
export const MANAGED_LABEL = `${OWN_PREFIX}managed`;
/** The label as objects have it. */
export const MANAGED = { [MANAGED_LABEL]: 'true' };

/** The namespace that a request names, in full: `default` stands for its owner's first one. */
export function namespaceIn({ owner, namespace }: { owner: string; namespace: string }): string {
  return namespace === 'default' ? namespaceOf(owner) : namespace;
}

/** Whether a namespace is one of somebody's who staked. */
export function isTenants(namespace: string): boolean {
  return /^u-[a-z2-7]{52}(?:-|$)/.test(namespace);
}

/** The name of a role's number on chain; an unknown number has no rights. */
export function roleName(role: number): Role {
  return codeName(ROLE, role) ?? 'none';
}
