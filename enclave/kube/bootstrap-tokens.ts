import { randomInt } from 'node:crypto';
import type { V1Secret } from '@kubernetes/client-node';
import type { Kubernetes } from './kubernetes.ts';
import { BOOTSTRAP_GROUP } from './roles.ts';

const LIFETIME_MS = 600_000;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const NAMESPACE = 'kube-system';

/** A credential with which one node asks for its first certificate. */
export interface BootstrapToken {
  readonly id: string;
  readonly secret: string;
  readonly nodeId: string;
  readonly expiresAtMs: number;
}

/**
 * Bootstrap tokens, one per node and ten minutes each. Kubernetes never consumes them, so this class does: a token
 * serves one public key and is deleted when the node's own certificate is seen at work.
 */
export class BootstrapTokens {
  readonly #kubernetes: Pick<Kubernetes, 'apply' | 'delete'>;
  readonly #now: () => number;
  readonly #tokens = new Map<string, BootstrapToken>();
  readonly #keys = new Map<string, string>();
  readonly #pending = new Map<string, Promise<BootstrapToken>>();

  constructor(kubernetes: Pick<Kubernetes, 'apply' | 'delete'>, now: () => number = Date.now) {
    this.#kubernetes = kubernetes;
    this.#now = now;
  }

  /** The token of a node: the same one while it lives, otherwise a new one. */
  async issue(nodeId: string): Promise<BootstrapToken> {
    const living = this.#living(nodeId);
    if (living) return living;
    const pending = this.#pending.get(nodeId) ?? this.#create(nodeId);
    this.#pending.set(nodeId, pending);
    return pending.finally(() => this.#pending.delete(nodeId));
  }

  /** The node that a token was made for, while it lives. */
  nodeOf(tokenId: string): string | undefined {
    const token = this.#tokens.get(tokenId);
    return token && token.expiresAtMs > this.#now() ? token.nodeId : undefined;
  }

  /** Ties a token to the first public key that asks with it; false for any other. */
  claim(tokenId: string, publicKey: string): boolean {
    const claimed = this.#keys.get(tokenId) ?? publicKey;
    this.#keys.set(tokenId, claimed);
    return claimed === publicKey;
  }

  /** Deletes the tokens of a node: it has its certificate, or it is none of ours any longer. */
  async revoke(nodeId: string): Promise<void> {
    for (const token of [...this.#tokens.values()].filter((each) => each.nodeId === nodeId)) {
      this.#tokens.delete(token.id);
      this.#keys.delete(token.id);
      await this.#kubernetes.delete({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: secretName(token.id), namespace: NAMESPACE },
      });
    }
  }

  #living(nodeId: string): BootstrapToken | undefined {
    return [...this.#tokens.values()].find(
      (token) => token.nodeId === nodeId && token.expiresAtMs > this.#now(),
    );
  }

  async #create(nodeId: string): Promise<BootstrapToken> {
    await this.revoke(nodeId);
    const token = {
      id: randomText(6),
      secret: randomText(16),
      nodeId,
      expiresAtMs: this.#now() + LIFETIME_MS,
    };
    await this.#kubernetes.apply(secretOf(token));
    this.#tokens.set(token.id, token);
    return token;
  }
}

function secretOf({ id, secret, nodeId, expiresAtMs }: BootstrapToken): V1Secret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: secretName(id), namespace: NAMESPACE },
    type: 'bootstrap.kubernetes.io/token',
    stringData: {
      'token-id': id,
      'token-secret': secret,
      description: `join of ${nodeId}`,
      expiration: new Date(expiresAtMs).toISOString(),
      'usage-bootstrap-authentication': 'true',
      'auth-extra-groups': BOOTSTRAP_GROUP,
    },
  };
}

function secretName(id: string): string {
  return `bootstrap-token-${id}`;
}

function randomText(length: number): string {
  return Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}
