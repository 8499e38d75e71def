import { createHmac, createPublicKey, diffieHellman, generateKeyPairSync, hkdfSync } from 'node:crypto';
import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import type { BareServer, Caller } from './bare-server.ts';

const PATH = '/v1-k3s/network';
const KINDS = ['peers', 'namespaces', 'pods', 'services', 'endpointSlices', 'policies'] as const;
const KEY_PREFIX = Buffer.from('302a300506032b656e032100', 'hex'); // of an X25519 key in SPKI

type Kind = (typeof KINDS)[number];

interface Self {
  readonly range: string;
  readonly key: string;
  readonly challenge: string;
  readonly relays?: readonly string[];
}

interface Update
  extends Partial<
    Record<Kind, { readonly set?: Record<string, unknown>; readonly delete?: readonly string[] }>
  > {
  readonly version: string;
  readonly reset?: boolean;
  readonly self?: Self;
}

/** What a node hears of its network, with the certificate of that node. */
export class NodeView implements Disposable {
  /** Each line as it came. */
  readonly lines: string[] = [];
  /** The same, read. */
  readonly updates: Update[] = [];
  /** Resolves when the stream has ended. */
  readonly ended: Promise<void>;
  self: Self | undefined;
  readonly #request: ClientRequest;
  readonly #things = Object.fromEntries(KINDS.map((kind) => [kind, {}])) as Record<
    Kind,
    Record<string, unknown>
  >;

  private constructor(request: ClientRequest, response: IncomingMessage) {
    this.#request = request;
    this.ended = new Promise((resolve) => response.on('close', () => resolve()));
    response.on('error', () => undefined); // it ends when the server likes
    createInterface({ input: response })
      .on('line', (line) => this.#take(line))
      .on('error', () => undefined);
  }

  /** Opens a stream, which the server must grant. */
  static open(server: BareServer, node: Caller, version = ''): Promise<NodeView> {
    return NodeView.at(server.open('GET', `${PATH}?version=${version}`, node).end());
  }

  /** Reads what a request is answered, which must be granted. */
  static async at(request: ClientRequest): Promise<NodeView> {
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    request.on('error', () => undefined);
    if (response.statusCode !== 200) {
      request.destroy();
      throw new Error(`${PATH} answered ${response.statusCode}`);
    }
    return new NodeView(request, response);
  }

  [Symbol.dispose](): void {
    this.#request.destroy();
  }

  get version(): string {
    return this.updates.at(-1)?.version ?? '';
  }

  /** The keys of what the node knows of a kind, in order. */
  keys(kind: Kind): string[] {
    return Object.keys(this.#things[kind]).sort();
  }

  /** One of the things that the node knows. */
  get<T>(kind: Kind, key: string): T | undefined {
    return this.#things[kind][key] as T | undefined;
  }

  #take(line: string): void {
    const update: Update = JSON.parse(line);
    this.lines.push(line);
    this.updates.push(update);
    this.self = update.self ?? this.self;
    for (const kind of KINDS) {
      if (update.reset) this.#things[kind] = {};
      Object.assign(this.#things[kind], update[kind]?.set);
      for (const key of update[kind]?.delete ?? []) delete this.#things[kind][key];
    }
  }
}

/** A key of WireGuard, whose owner can prove that it is. */
export class WireGuardKey {
  readonly #pair = generateKeyPairSync('x25519');
  /** The public key as it is written. */
  readonly text: string;
  readonly #bytes: Buffer;

  constructor() {
    this.#bytes = this.#pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(KEY_PREFIX.length);
    this.text = this.#bytes.toString('base64');
  }

  /** What a node posts to have the key. */
  proof(challenge: string, node: string): { readonly key: string; readonly proof: string } {
    const other = Buffer.concat([KEY_PREFIX, Buffer.from(challenge, 'base64')]);
    const publicKey = createPublicKey({ key: other, format: 'der', type: 'spki' });
    const shared = diffieHellman({ privateKey: this.#pair.privateKey, publicKey });
    const secret = hkdfSync('sha256', shared, '', 'daasvader wireguard key proof v1', 32);
    const proof = createHmac('sha256', Buffer.from(secret)).update(this.#bytes).update(node).digest('base64');
    return { key: this.text, proof };
  }
}
