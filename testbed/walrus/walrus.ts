import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What public publishers take. */
const MAX_BLOB_BYTES = 10 << 20;
const MAX_BYTES = 256 << 20;
const MAX_EPOCHS = 53;
const BLOB = /^\/v1\/blobs\/([A-Za-z0-9_-]{43})$/;

/** Where the stand-in listens. */
export interface WalrusOptions {
  host?: string;
  /** Any free one when left out. */
  port?: number;
}

/**
 * Stands in for Walrus: a publisher and an aggregator of its HTTP API
 * (https://docs.wal.app/usage/web-api.html) over blobs that are kept in memory. Ids are 32 bytes in base64url, as
 * Walrus has them, but hashes of the bytes and not of their encoding; nothing is paid, certified on Sui or ever expires.
 */
export class Walrus {
  readonly url: string;
  readonly #server: Server;
  readonly #blobs = new Map<string, Uint8Array>();
  #bytes = 0;

  private constructor(server: Server, host: string) {
    this.#server = server;
    this.url = `http://${host}:${(server.address() as AddressInfo).port}`;
    server.on('request', (request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  static async start({ host = '127.0.0.1', port = 0 }: WalrusOptions = {}): Promise<Walrus> {
    const server = createServer();
    server.listen(port, host);
    await once(server, 'listening');
    return new Walrus(server, host);
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://walrus');
    response.setHeader('server', 'daasvader-testbed-walrus (a stand-in: it keeps blobs in memory)');
    if (request.method === 'PUT' && pathname === '/v1/blobs') {
      await this.#store(request, response, Number(searchParams.get('epochs') ?? 1));
    } else if (request.method === 'GET' && BLOB.test(pathname)) {
      const bytes = this.#blobs.get(BLOB.exec(pathname)?.[1] ?? '');
      if (bytes === undefined) refuse(response, 404, 'NOT_FOUND', 'the requested blob ID does not exist');
      else response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(bytes);
    } else refuse(response, 404, 'NOT_FOUND', 'this stand-in has PUT /v1/blobs and GET /v1/blobs/{blobId}');
  }

  async #store(request: IncomingMessage, response: ServerResponse, epochs: number): Promise<void> {
    if (!Number.isInteger(epochs) || epochs < 1 || epochs > MAX_EPOCHS)
      return refuse(response, 400, 'INVALID_ARGUMENT', `epochs must be 1 to ${MAX_EPOCHS}`);
    const bytes = await readAtMost(request, MAX_BLOB_BYTES);
    if (bytes === undefined)
      return refuse(response, 413, 'FAILED_PRECONDITION', 'length limit of 10 MiB exceeded');
    const blobId = createHash('sha256').update('daasvader testbed walrus').update(bytes).digest('base64url');
    if (this.#blobs.has(blobId))
      return json(response, 200, { alreadyCertified: { blobId, endEpoch: 1 + epochs } });
    if (this.#bytes + bytes.length > MAX_BYTES)
      return refuse(response, 507, 'RESOURCE_EXHAUSTED', 'this stand-in is full: start it anew');
    this.#bytes += bytes.length;
    this.#blobs.set(blobId, bytes);
    const storage = { startEpoch: 1, endEpoch: 1 + epochs, storageSize: bytes.length };
    const blobObject = {
      blobId,
      size: bytes.length,
      registeredEpoch: 1,
      certifiedEpoch: 1,
      storage,
      deletable: false,
    };
    json(response, 200, { newlyCreated: { blobObject, cost: 0 } });
  }
}

/** The body, or undefined when it is longer. */
async function readAtMost(request: IncomingMessage, maxBytes: number): Promise<Uint8Array | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= maxBytes) chunks.push(chunk);
  }
  return length > maxBytes ? undefined : Buffer.concat(chunks);
}

function refuse(response: ServerResponse, code: number, status: string, message: string): void {
  json(response, code, { error: { status, code, message } });
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
