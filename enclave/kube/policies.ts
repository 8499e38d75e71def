import type {
  KubernetesObject,
  V1ValidatingAdmissionPolicy,
  V1ValidatingAdmissionPolicyBinding,
} from '@kubernetes/client-node';

const API_VERSION = 'admissionregistration.k8s.io/v1';

/** What a policy forbids: the objects it looks at, and the CEL expression that they must fulfil. */
interface Rule {
  readonly name: string;
  readonly resource: string;
  readonly operations: string[];
  /** CEL; the rule is for requests of which it is true. */
  readonly when?: string;
  readonly expression: string;
  readonly message: string;
}

/** What RBAC cannot say: it knows verbs and resources, not what is in them. */
const RULES: Rule[] = [
  {
    // Kubernetes fills such a Secret with a token that never expires: it would outlive the role of whoever made it.
    name: 'no-lasting-tokens',
    resource: 'secrets',
    operations: ['CREATE', 'UPDATE'],
    expression: "object.type != 'kubernetes.io/service-account-token'",
    message: 'Secrets of type kubernetes.io/service-account-token are not allowed',
  },
  {
    // A kubelet may announce a static pod in any namespace, where a Service of the tenant would send it traffic.
    name: 'no-pods-of-nodes',
    resource: 'pods',
    operations: ['CREATE'],
    when: "'system:nodes' in request.userInfo.groups",
    expression: 'false',
    message: 'nodes run the pods that they are given and make none',
  },
];

/** The admission policies of the cluster with what puts them into force. */
export function admissionPolicies(): KubernetesObject[] {
  return RULES.flatMap((rule) => [policyOf(rule), bindingOf(rule)]);
}

function policyOf({
  name,
  resource,
  operations,
  when,
  expression,
  message,
}: Rule): V1ValidatingAdmissionPolicy {
  return {
    apiVersion: API_VERSION,
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: `daasvader.${name}` },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations, resources: [resource] }],
      },
      ...(when !== undefined && { matchConditions: [{ name: 'when', expression: when }] }),
      validations: [{ expression, message }],
    },
  };
}

function bindingOf({ name }: Rule): V1ValidatingAdmissionPolicyBinding {
  return {
    apiVersion: API_VERSION,
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name: `daasvader.${name}` },
    spec: { policyName: `daasvader.${name}`, validationActions: ['Deny'] },
  };
}
