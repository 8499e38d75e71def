import { createPrivateKey, randomBytes, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeBinding } from '@daasvader/attestation/binding.ts';
import type { SignedJoin } from '@daasvader/chain/calls/anyone.ts';
import { joinDigest, joinStatement } from '@daasvader/chain/join-statement.ts';
import { newKeys, nodeName, requestPem } from '@daasvader/enclave/kube/testing/certificate-request.ts';
import { joinPurpose } from '@daasvader/seal/purposes.ts';
import { open, sealPublicKey } from '@daasvader/seal/seal.ts';
import type { Cluster } from '@daasvader/testbed/cluster/cluster.ts';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import { Peer } from './peer.ts';
import { type RogueWorker, registerRogue, type SigningRequest } from './rogue-node.ts';

/** PKCS #8 of an Ed25519 key up to its 32 bytes (RFC 8410, section 7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SEEN_TIMEOUT_MS = 15_000;
const POLL_MS = 100;

/** What is signed, and by whom. */
export interface Claim {
  readonly counter: bigint;
  readonly bootId?: Uint8Array;
  readonly clusterId?: string;
  readonly nodeId?: string;
  readonly ipAddress?: string;
  readonly sealToken?: string;
  /** 32 bytes of an Ed25519 key. */
  readonly seed?: Uint8Array;
}

/** A join as it goes on the wire. */
export interface Join {
  readonly node_id: string;
  readonly seal_token: string;
  readonly ip_address: string;
  readonly nonce: string;
  readonly counter: string;
  readonly signature?: string;
}

/** A worker that has staked and registered as honest ones do, and writes its joins by hand. */
export class Joiner {
  readonly nodeId: string;
  readonly #cluster: Cluster;
  readonly #api: Peer;
  readonly #seed: Uint8Array;
  readonly #sealKey: Uint8Array;
  readonly #sealToken: string;
  readonly #bootId: Uint8Array;
  /** The bootstrap token that it was given last. */
  token: string | undefined;

  private constructor(cluster: Cluster, api: Peer, keys: Keys) {
    this.#cluster = cluster;
    this.#api = api;
    this.nodeId = keys.nodeId;
    this.#seed = keys.seed;
    this.#sealKey = keys.sealKey;
    this.#sealToken = keys.sealToken;
    this.#bootId = keys.bootId;
  }

  static async register(cluster: Cluster, nodeId: string, localAddress: string): Promise<Joiner> {
    const worker = await registerRogue(cluster, { id: nodeId, ip: '10.77.0.201' });
    const api = new Peer(cluster.addresses.apiUrl, {}, localAddress);
    await untilKnown(api, nodeId);
    return new Joiner(cluster, api, { nodeId, ...(await keysOf(worker)), bootId: await bootIdOf(api) });
  }

  /** Signs a join. */
  sign(claim: Claim): Join {
    const { counter, bootId = this.#bootId, clusterId = this.#cluster.deployment.registryId } = claim;
    const { nodeId = this.nodeId, ipAddress = '10.77.0.201', sealToken = this.#sealToken } = claim;
    const { seed = this.#seed } = claim;
    const nonce = randomBytes(32);
    const digest = joinDigest({ bootId, nonce, sealToken, ipAddress });
    const key = createPrivateKey({
      key: Buffer.concat([PKCS8_PREFIX, seed]),
      ...{ format: 'der', type: 'pkcs8' },
    });
    return {
      ...{ node_id: nodeId, seal_token: sealToken, ip_address: ipAddress },
      ...{ nonce: nonce.toString('hex'), counter: counter.toString() },
      signature: sign(null, joinStatement({ clusterId, nodeId, counter, digest }), key).toString('hex'),
    };
  }

  /** Sends a join as anybody may, and keeps the token that it brings. */
  async send(join: Join): Promise<string> {
    const headers = { authorization: `Bearer ${join.seal_token}` };
    const { status, text } = await this.#api.ask({
      ...{ method: 'POST', path: ROUTE.registerWorker, headers, body: join },
    });
    if (status !== 200) return `${status} ${(JSON.parse(text) as { detail: string }).detail}`;
    this.token = await this.#open((JSON.parse(text) as { kubeconfig: string }).kubeconfig);
    return '200 joined';
  }

  /** What a proof says of a join. */
  statementOf({ nonce, seal_token: sealToken, ip_address: ipAddress, signature = '' }: Join): SignedJoin {
    const digest = joinDigest({
      ...{ bootId: this.#bootId, sealToken, ipAddress },
      nonce: Buffer.from(nonce, 'hex'),
    });
    return { digest, signature: Buffer.from(signature, 'hex') };
  }

  /** What it asks for with a bootstrap token. */
  request(): SigningRequest {
    const request = requestPem({ keys: newKeys(), subject: nodeName(this.nodeId) });
    return { name: this.nodeId, request };
  }

  /** The greatest counter that the control plane knows of it. */
  async counter(): Promise<bigint> {
    return BigInt((await this.#api.object<{ counter: string }>({ path: counterPath(this.nodeId) })).counter);
  }

  async #open(sealed: string): Promise<string> {
    const purpose = joinPurpose(this.#cluster.deployment.registryId);
    const plain = await open(this.#sealKey, purpose, this.nodeId, Buffer.from(sealed, 'base64'));
    const { users } = JSON.parse(Buffer.from(plain).toString()) as { users: { user: { token: string } }[] };
    return users[0]!.user.token;
  }
}

interface Keys {
  nodeId: string;
  seed: Uint8Array;
  sealKey: Uint8Array;
  sealToken: string;
  bootId: Uint8Array;
}

async function keysOf({ stateDir }: RogueWorker): Promise<Pick<Keys, 'seed' | 'sealKey' | 'sealToken'>> {
  const read = async (file: string) =>
    Buffer.from((await readFile(join(stateDir, file), 'utf8')).trim(), 'hex');
  const [seed, sealKey] = await Promise.all([read('identity.key'), read('seal.key')]);
  return { seed, sealKey, sealToken: sealPublicKey(sealKey) };
}

async function bootIdOf(api: Peer): Promise<Uint8Array> {
  const path = `${ROUTE.attestation}?nonce=${'00'.repeat(16)}`;
  const { binding } = await api.object<{ binding: string }>({ path });
  return decodeBinding(Buffer.from(binding, 'base64')).bootId;
}

async function untilKnown(api: Peer, nodeId: string): Promise<void> {
  for (const deadline = Date.now() + SEEN_TIMEOUT_MS; ; await sleep(POLL_MS)) {
    const seen = await api.try({ path: counterPath(nodeId) });
    if (seen.startsWith('200')) return;
    if (Date.now() > deadline) throw new Error(`Cannot see ${nodeId} registered: ${seen}`);
  }
}

function counterPath(nodeId: string): string {
  return `${ROUTE.joinCounter}?node_id=${nodeId}`;
}
