import { WORKER_STATUS } from '@daasvader/chain/codes.ts';
import { joinPurpose } from '@daasvader/seal/purposes.ts';
import { seal } from '@daasvader/seal/seal.ts';
import type { Audit } from '../audit/audit.ts';
import type { ClusterState, Worker } from '../chain/cluster-state.ts';
import { EnclaveError } from '../error.ts';
import type { BootstrapToken, BootstrapTokens } from './bootstrap-tokens.ts';
import { MAX_NODE_NAME, type NodeAdmission } from './csr.ts';
import type { DoubleIdentityProof, JoinCounters, SignedJoinRequest } from './join-counters.ts';

const UNREGISTERED = 'no such worker is registered; stake and register it first';

/** Who asks to join. */
export type JoinRequest = SignedJoinRequest;

/** What a worker needs to become a node. */
export interface JoinAnswer {
  /** A kubeconfig with a bootstrap token, sealed to the worker's seal token. */
  readonly sealedKubeconfig: Uint8Array;
  readonly caPem: string;
  readonly apiServer: string;
}

/** What joining needs. */
export interface JoinOptions {
  readonly state: ClusterState;
  readonly tokens: BootstrapTokens;
  readonly counters: JoinCounters;
  readonly audit: Audit;
  readonly clusterId: string;
  readonly caPem: string;
  readonly apiServer: string;
  /** The chain's clock, ms since 1970: by it seal tokens expire. */
  readonly chainTime: () => number;
}

/** Lets workers in that the chain knows. */
export class Join implements NodeAdmission {
  readonly #options: JoinOptions;
  /** The last token of each node that asked; they are as many as the chain has registered. */
  readonly #sealed = new Map<string, string>();

  constructor(options: JoinOptions) {
    this.#options = options;
  }

  /**
   * Answers a worker that signed its request; only the holder of the registered seal key can open the answer.
   *
   * @throws {EnclaveError} `join`, saying what is wrong with the worker
   */
  async admit(request: JoinRequest): Promise<JoinAnswer> {
    const { state, tokens, counters, audit, clusterId, caPem, apiServer, chainTime } = this.#options;
    const { nodeId, sealToken } = request;
    const worker = state.worker(nodeId);
    assertMayJoin(worker, nodeId, sealToken, chainTime());
    counters.accept(worker, request);
    const token = await tokens.issue(nodeId);
    const plain = Buffer.from(bootstrapKubeconfig(token, apiServer, caPem));
    const sealedKubeconfig = await seal(sealToken, joinPurpose(clusterId), nodeId, plain);
    // The same request may come again and again: what is new is a token, not a question.
    if (this.#sealed.get(nodeId) !== token.id)
      audit.append({ action: 'join', subject: nodeId, result: `bootstrap token ${token.id} sealed` });
    this.#sealed.set(nodeId, token.id);
    return { sealedKubeconfig, caPem, apiServer };
  }

  /**
   * The counter that a worker's join was last accepted under.
   *
   * @throws {EnclaveError} `join` for a worker that nobody registered
   */
  lastCounter(nodeId: string): bigint {
    if (this.#options.state.worker(nodeId) === undefined)
      throw new EnclaveError('join', `Cannot tell the counter of ${nodeId}: ${UNREGISTERED}`);
    return this.#options.counters.last(nodeId);
  }

  /** What proves that workers ran twice. */
  get doubleIdentities(): readonly DoubleIdentityProof[] {
    return this.#options.counters.proofs;
  }

  nodeOfToken(tokenId: string): string | undefined {
    return this.#options.tokens.nodeOf(tokenId);
  }

  claimToken(tokenId: string, publicKey: string): boolean {
    return this.#options.tokens.claim(tokenId, publicKey);
  }

  isAdmitted(node: string): boolean {
    return this.#options.state.isAdmitted(node);
  }
}

/** Refuses a worker that the chain does not want as a node, or does not know by this token. */
export function assertMayJoin(
  worker: Worker | undefined,
  nodeId: string,
  sealToken: string,
  now: number,
): asserts worker is Worker {
  const refuse = (why: string) => new EnclaveError('join', `Cannot join ${nodeId}: ${why}`);
  if (!worker) throw refuse(UNREGISTERED);
  if (nodeId.length > MAX_NODE_NAME)
    throw refuse(
      `no certificate holds a name of more than ${MAX_NODE_NAME} characters; register a shorter one`,
    );
  if (worker.sealToken !== sealToken) throw refuse('the seal token is not the one that it registered');
  if (worker.status === WORKER_STATUS.slashed) throw refuse('it was slashed; reinstate it first');
  if (worker.status === WORKER_STATUS.left) throw refuse('it has left; register it under another name');
  if (worker.tokenExpiresAtMs <= now) throw refuse('its seal token has expired; refresh it with a new one');
}

function bootstrapKubeconfig({ id, secret }: BootstrapToken, server: string, caPem: string): string {
  const certificateAuthority = Buffer.from(caPem).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'daasvader', cluster: { server, 'certificate-authority-data': certificateAuthority } },
    ],
    users: [{ name: 'bootstrap', user: { token: `${id}.${secret}` } }],
    contexts: [{ name: 'bootstrap', context: { cluster: 'daasvader', user: 'bootstrap' } }],
    'current-context': 'bootstrap',
  });
}
