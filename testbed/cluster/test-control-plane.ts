import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Binding, encodeBinding, userData } from '@daasvader/attestation/binding.ts';
import { encodePem } from '@daasvader/attestation/pem.ts';
import { type DocumentFields, issueDocument } from '@daasvader/attestation/testing/issue.ts';
import { type Identity, issueChain, issueRoot } from '@daasvader/attestation/testing/pki.ts';
import { DEFAULT_RANGES } from '@daasvader/chain/ranges.ts';
import { generateKeys, type Keys, type TlsIdentity } from '@daasvader/enclave/boot/keys.ts';
import { joinPurpose } from '@daasvader/seal/purposes.ts';
import { seal } from '@daasvader/seal/seal.ts';
import type { ClusterIds } from '@daasvader/verifier/chain.ts';
import type { Cluster } from '@daasvader/verifier/cluster.ts';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import type { Signer } from '@mysten/sui/cryptography';
import { grantCredential } from './credential.ts';

const TOKEN = 'abcdef.0123456789abcdef';
const NOWHERE: ClusterIds = {
  chainId: 'test-chain',
  originalPackageId: `0x${'aa'.repeat(32)}`,
  registryId: `0x${'bb'.repeat(32)}`,
};

/** What the control plane shows that is not so; each alone must be noticed. */
export interface Lies {
  /** Fields of the document other than the honest ones. */
  document?: Partial<DocumentFields>;
  /** The binding that is attested and shown. */
  binding?: Partial<Binding>;
  /** The binding that is shown, while the honest one is attested. */
  shownBinding?: Partial<Binding>;
  /** Key that the join credential is sealed to. */
  sealTo?: string;
  /** CA certificate, in PEM, that a join answer hands out. */
  ca?: string;
  /** Answers every request with this status. */
  status?: number;
}

/** A control plane with real TLS, attestation and sealing, whose chain state is what `cluster` says. */
export class TestControlPlane {
  readonly rootPem: string;
  readonly cluster: Cluster;
  /** Paths that were asked for, in order. */
  readonly requests: string[] = [];
  lies: Lies = {};
  url = '';
  /** What further paths are answered with. */
  readonly answers = new Map<string, object>();
  /** What it says the last join was signed under. */
  joinCounter = 0n;
  /** Joins that it was asked for. */
  readonly joins: Record<string, string>[] = [];
  readonly #root: Identity;
  readonly #ids: ClusterIds;
  readonly #keys: Keys;
  readonly #ca: TlsIdentity;
  #server: ReturnType<typeof createServer>;

  private constructor(root: Identity, ids: ClusterIds, keys: Keys, ca: TlsIdentity) {
    this.#root = root;
    this.#ids = ids;
    this.#keys = keys;
    this.#ca = ca;
    this.rootPem = encodePem(root.certificate);
    this.cluster = { ...clusterOf(this.binding), timeMs: Date.now() };
    this.#server = this.#serverWith(keys);
  }

  /** Boots one on a free port of loopback, or on a given one, for a cluster that is on no chain or on a given one. */
  static async start(port = 0, root?: Identity, ids = NOWHERE): Promise<TestControlPlane> {
    const trusted = root ?? (await issueRoot('test-root', Date.now()));
    const [keys, ca] = [await generateKeys(['127.0.0.1']), (await generateKeys([])).tls];
    const controlPlane = new TestControlPlane(trusted, ids, keys, ca);
    await controlPlane.listen(port);
    return controlPlane;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  get root(): Identity {
    return this.#root;
  }

  get operator(): Signer {
    return this.#keys.operator;
  }

  /** What it attests while it tells no lies. */
  get binding(): Binding {
    return {
      chainId: this.#ids.chainId,
      packageId: this.#ids.originalPackageId,
      clusterId: this.#ids.registryId,
      operator: this.#keys.operator.toSuiAddress(),
      tlsSpkiSha256: this.#keys.tls.spkiSha256,
      caSha256: createHash('sha256').update(new X509Certificate(this.#ca.certificate).raw).digest(),
      hpkePublicKey: Buffer.from(this.#keys.hpke.publicKey, 'hex'),
      committeeDigest: new Uint8Array(32).fill(9),
      committeeEpoch: 7n,
      bootId: this.#keys.bootId,
      ...DEFAULT_RANGES,
    };
  }

  async listen(port = this.port): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.url = `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** From now on the port ends at another TLS key, as when somebody else answers there. */
  async serveWithAnotherKey(): Promise<void> {
    await this.close();
    this.#server = this.#serverWith(await generateKeys(['127.0.0.1']));
    await this.listen();
  }

  #serverWith({ tls }: Keys): ReturnType<typeof createServer> {
    return createServer({ key: tls.key, cert: tls.certificate }, (request, response) => {
      void this.#answer(request).then(
        (body) => send(response, this.lies.status ?? 200, body),
        (error: Error) => send(response, 500, { detail: error.message }),
      );
    });
  }

  async #answer(request: IncomingMessage): Promise<object> {
    const { pathname, searchParams } = new URL(request.url ?? '', this.url);
    this.requests.push(pathname);
    if (pathname === ROUTE.attestation)
      return this.#show(Buffer.from(searchParams.get('nonce') ?? '', 'hex'));
    if (pathname === ROUTE.joinCounter) return { counter: this.joinCounter.toString() };
    if (pathname === ROUTE.registerWorker) return this.#admit(await bodyOf(request));
    if (pathname === ROUTE.kubeconfig)
      return grantCredential(await bodyOf(request), this.#ids.registryId, this.#ca, this.lies.ca);
    return this.answers.get(pathname) ?? {};
  }

  async #show(nonce: Uint8Array): Promise<object> {
    const shown = { ...this.binding, ...this.lies.binding, ...this.lies.shownBinding };
    return { document: base64(await this.attest(nonce)), binding: base64(encodeBinding(shown)) };
  }

  /** A document that answers `nonce`. */
  async attest(nonce: Uint8Array): Promise<Uint8Array> {
    const fields = {
      moduleId: 'i-test-enc0',
      timestamp: Date.now(),
      pcrs: new Map([0, 1, 2].map((index) => [index, new Uint8Array(48).fill(index + 1)])),
      publicKey: null,
      userData: await userData({ ...this.binding, ...this.lies.binding }),
      nonce,
      ...this.lies.document,
    };
    return issueDocument(fields, await issueChain(this.#root, fields.timestamp));
  }

  async #admit(body: Record<'node_id' | 'seal_token' | 'counter', string>): Promise<object> {
    this.joins.push(body);
    const kubeconfig = Buffer.from(
      JSON.stringify({ users: [{ name: 'bootstrap', user: { token: TOKEN } }] }),
    );
    const info = joinPurpose(this.#ids.registryId);
    const sealed = await seal(this.lies.sealTo ?? body.seal_token, info, body.node_id, kubeconfig);
    const ca = Buffer.from(this.lies.ca ?? this.#ca.certificate);
    return {
      success: true,
      kubeconfig: base64(sealed),
      ca_cert: base64(ca),
      api_server: 'https://127.0.0.1:6443',
    };
  }
}

/** The chain as it is when the enclave with this binding registered honestly and sits in the seat. */
function clusterOf(binding: Binding): Omit<Cluster, 'timeMs'> {
  const pcr = (index: number) => Buffer.alloc(48, index + 1).toString('hex');
  return {
    chainId: binding.chainId,
    packageId: binding.packageId,
    clusterId: binding.clusterId,
    measurements: [
      { version: '1.0.0', pcrs: [pcr(0), pcr(1), pcr(2)], effectiveAtMs: 0, retireAtMs: undefined },
    ],
    seat: {
      id: `0x${'cc'.repeat(32)}`,
      operator: binding.operator,
      tlsSpkiSha256: hex(binding.tlsSpkiSha256),
      caSha256: hex(binding.caSha256),
      hpkePublicKey: hex(binding.hpkePublicKey),
      bootId: hex(binding.bootId),
      committeeDigest: hex(binding.committeeDigest),
      committeeEpoch: binding.committeeEpoch,
    },
  };
}

async function bodyOf<Body>(request: IncomingMessage): Promise<Body> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
