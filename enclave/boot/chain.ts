import { boundedFetch, openFullNode } from '@daasvader/chain/full-node.ts';
import { proxyFetch } from '@daasvader/vsock/fetch.ts';
import { HOST_PORT } from '@daasvader/vsock/ports.ts';
import type { Vsock } from '@daasvader/vsock/vsock.ts';
import type { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { AnyNode } from '../chain/any-node.ts';
import { HostServices } from '../chain/host-services.ts';
import { Operator } from '../chain/operator.ts';
import { WalrusBlobs } from '../kube/blobs.ts';
import type { Configuration } from './configuration.ts';

/** So that another full node can still answer within the time that a transaction of ours has. */
const FULL_NODE_ANSWER_MS = 10_000;

/**
 * The ways to the chain: each full node by itself, for what must be proven, any of them for the rest, what lies in blobs,
 * and the operator's account, for whose gas the host pays. Nothing is asked yet, and nothing that they answer is believed
 * by itself.
 */
export function openChain({ cluster, sui, walrus }: Configuration, vsock: Vsock, key: Ed25519Keypair) {
  const { fetch } = proxyFetch(vsock, HOST_PORT.outbound, Number.POSITIVE_INFINITY);
  const bounded = { fetch, answerMs: FULL_NODE_ANSWER_MS };
  const { network } = cluster;
  const urls = [sui.rpc_endpoint, ...sui.rpc_endpoints];
  const nodes = urls.map((url) => ({ url, client: openFullNode(network, url, bounded) }));
  const anyNode = new AnyNode(network, urls, boundedFetch(bounded));
  const services = new HostServices(vsock);
  return {
    nodes,
    anyNode,
    client: anyNode.client,
    services,
    blobs: new WalrusBlobs(walrus.aggregator, fetch),
    operator: new Operator(anyNode.client, services, key),
  };
}

/** See {@link openChain}. */
export type Chain = ReturnType<typeof openChain>;
