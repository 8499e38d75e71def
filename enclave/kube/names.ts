import { codeName, ROLE, type Role } from '@daasvader/chain/codes.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';

/** Prefix of every label and annotation that the enclave sets; nobody else may. */
export const OWN_PREFIX = 'daasvader.io/';
/** The annotation that ties an object to the last order that wrote it. The API server sets it in the same write. */
export const REQUEST_ANNOTATION = `${OWN_PREFIX}request-id`;
/** Marks what the enclave itself has made; users may not change it. */
export const MANAGED_LABEL = `${OWN_PREFIX}managed`;
/** `kind` and `name` of the workload that a pod belongs to, on the pod. */
export const KIND_LABEL = `${OWN_PREFIX}kind`;
export const NAME_LABEL = `${OWN_PREFIX}name`;

/** The namespace that a request names, in full: `default` stands for its owner's first one. */
export function namespaceIn({ owner, namespace }: { owner: string; namespace: string }): string {
  return namespace === 'default' ? namespaceOf(owner) : namespace;
}

/** The name of a role's number on chain; an unknown number has no rights. */
export function roleName(role: number): Role {
  return codeName(ROLE, role) ?? 'none';
}
