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
    // A namespace waits for them for ever, and nobody takes them off. Of all that users write, only Secrets can have them.
    name: 'no-finalizers',
    resource: 'secrets',
    operations: ['CREATE', 'UPDATE'],
    expression: '!has(object.metadata.finalizers) || size(object.metadata.finalizers) == 0',
    message: 'Secrets with finalizers are not allowed',
  },
];

/** The admission policies of the cluster with what puts them into force. */
export function admissionPolicies(): KubernetesObject[] {
  return RULES.flatMap((rule) => [policyOf(rule), bindingOf(rule)]);
}

function policyOf({ name, resource, operations, expression, message }: Rule): V1ValidatingAdmissionPolicy {
  return {
    apiVersion: API_VERSION,
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: `daasvader.${name}` },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations, resources: [resource] }],
      },
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
