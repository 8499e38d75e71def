/** A spec of upstream's that does not pass here, because of what the cluster is. */
export interface ExpectedFailure {
  /** The whole name, as the suite prints it. */
  readonly spec: string;
  /** The decision of ours that it meets; a fault of ours is no reason. */
  readonly reason: string;
}

const NO_NODE_PORTS =
  "a Service's port on a node leads in for nobody: pods reach no node, and nothing from outside gets into pods";

/** Every spec that fails on purpose. Any other failure fails the run, and so does one of these that passes. */
export const EXPECTED_FAILURES: readonly ExpectedFailure[] = [
  {
    spec: '[sig-network] HostPort validates that there is no conflict between pods with same hostPort but different hostIP and protocol [LinuxOnly] [Conformance]',
    reason: "nothing from outside gets into pods: a provider's machine gives away none of its ports",
  },
  {
    spec: '[sig-network] API Server should have Endpoints and EndpointSlices pointing to API Server [Conformance]',
    reason: 'pods do not reach the control plane, so the Service kubernetes has no endpoints',
  },
  {
    spec: '[sig-auth] ServiceAccounts ServiceAccountIssuerDiscovery should support OIDC discovery of service account issuer [Conformance]',
    reason: 'pods do not reach the control plane, where the discovery document is',
  },
  {
    spec: '[sig-node] Node Lifecycle should run through the lifecycle of a node [Conformance]',
    reason: 'nodes are those that the chain has: the enclave deletes every other one, whoever makes it',
  },
  {
    spec: '[sig-network] Services should be able to create a functioning NodePort service [Conformance]',
    reason: NO_NODE_PORTS,
  },
  {
    spec: '[sig-network] Services should have session affinity work for NodePort service [LinuxOnly] [Conformance]',
    reason: NO_NODE_PORTS,
  },
  {
    spec: '[sig-network] Services should be able to switch session affinity for NodePort service [LinuxOnly] [Conformance]',
    reason: NO_NODE_PORTS,
  },
  {
    spec: '[sig-network] Services should be able to change the type from ExternalName to NodePort [Conformance]',
    reason: NO_NODE_PORTS,
  },
  {
    spec: '[sig-api-machinery] Aggregator Should be able to support the 1.17 Sample API Server using the current Aggregator [LinuxOnly] [Conformance]',
    reason: 'the sample server asks Kubernetes who its callers are, and pods do not reach the control plane',
  },
];
