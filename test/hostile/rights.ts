import type { Attack } from './attack.ts';
import type { Field } from './field.ts';
import type { Peer } from './peer.ts';

/** Somebody, as the authorizer knows them. */
export interface Subject {
  readonly user: string;
  readonly groups: readonly string[];
}

/** A right: a verb, a resource with its group, and where. */
type Right = `${string} ${string}`;

interface ResourceList {
  groupVersion: string;
  resources: { name: string; verbs: string[]; namespaced: boolean }[];
}

/** How many questions are on their way to the API server at once. */
const AT_ONCE = 16;

/**
 * Asks the authorizer about each verb of each resource that the API server knows, and compares with the list.
 *
 * @param allowed patterns of rights, such as `get pods`; a right that none matches is one too many
 */
export function onlyRights(
  attack: string,
  where: (field: Field) => { subject: Subject; namespace: string | undefined },
  allowed: readonly RegExp[],
): Attack {
  return {
    attack,
    expected: 'none beyond the list',
    refusal: /^none of \d{3,}/,
    run: async (field) => {
      const { subject, namespace } = where(field);
      const asked = await everyRight(field.administrator, namespace !== undefined);
      const held = await rightsOf(field.administrator, subject, namespace, asked);
      const beyond = held.filter((right) => !allowed.some((pattern) => pattern.test(right)));
      return beyond.length === 0
        ? `none of ${asked.length}, ${held.length} on the list`
        : `also ${beyond.join(', ')}`;
    },
  };
}

/** Verbs that discovery does not tell, for they are not of a request but of what a request does. */
const SPECIAL: Right[] = [
  'impersonate users',
  'impersonate groups',
  'impersonate serviceaccounts',
  'escalate clusterroles.rbac.authorization.k8s.io',
  'escalate roles.rbac.authorization.k8s.io',
  'bind clusterroles.rbac.authorization.k8s.io',
  'bind roles.rbac.authorization.k8s.io',
  'approve signers.certificates.k8s.io',
  'sign signers.certificates.k8s.io',
  'use priorityclasses.daasvader.io',
];

/** Each verb of each resource that the API server knows, and some more. */
export async function everyRight(
  administrator: Pick<Peer, 'object'>,
  isNamespaced: boolean,
): Promise<Right[]> {
  const { groups } = await administrator.object<{
    groups: { preferredVersion: { groupVersion: string } }[];
  }>({ path: '/apis' });
  const versions = groups.map(({ preferredVersion }) => `/apis/${preferredVersion.groupVersion}`);
  const lists = await Promise.all(
    ['/api/v1', ...versions].map((path) => administrator.object<ResourceList>({ path })),
  );
  const rights = lists.flatMap(({ groupVersion, resources }) => {
    const group = groupVersion.includes('/') ? `.${groupVersion.split('/')[0]}` : '';
    return resources
      .filter(({ namespaced }) => namespaced || !isNamespaced)
      .flatMap(({ name, verbs }) => verbs.map((verb): Right => `${verb} ${withGroup(name, group)}`));
  });
  return [...rights, ...SPECIAL];
}

/** `pods/log`, `deployments.apps/scale`. */
function withGroup(name: string, group: string): string {
  const [resource = '', ...subresource] = name.split('/');
  return [`${resource}${group}`, ...subresource].join('/');
}

/** Those that the authorizer says somebody has, in order. */
export async function rightsOf(
  administrator: Pick<Peer, 'object'>,
  { user, groups }: Subject,
  namespace: string | undefined,
  asked: readonly Right[],
): Promise<Right[]> {
  const held: Right[] = [];
  const rest = [...asked];
  const ask = async () => {
    for (let right = rest.pop(); right !== undefined; right = rest.pop()) {
      const body = {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: {
          user,
          groups,
          resourceAttributes: { ...attributesOf(right), ...(namespace && { namespace }) },
        },
      };
      const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
      const { status } = await administrator.object<{ status: { allowed: boolean } }>({
        method: 'POST',
        path,
        body,
      });
      if (status.allowed) held.push(right);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
  return held.sort();
}

function attributesOf(right: Right) {
  const [verb = '', what = ''] = right.split(' ');
  const [resourceAndGroup = '', subresource = ''] = what.split('/');
  const dot = resourceAndGroup.indexOf('.');
  return dot < 0
    ? { verb, resource: resourceAndGroup, subresource }
    : { verb, resource: resourceAndGroup.slice(0, dot), group: resourceAndGroup.slice(dot + 1), subresource };
}
