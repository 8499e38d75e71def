import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GrpcTypes } from '@mysten/sui/grpc';
import type { Chain } from '../chain/chain.ts';
import { DevnetError, unsupported } from '../error.ts';
import { executionService } from '../grpc/execution-service.ts';
import { ledgerService } from '../grpc/ledger-service.ts';
import { nameService } from '../grpc/name-service.ts';
import { packageService } from '../grpc/package-service.ts';
import { signatureService } from '../grpc/signature-service.ts';
import { stateService } from '../grpc/state-service.ts';
import { subscriptionService } from '../grpc/subscription-service.ts';
import { messageFrame, readRequest, STATUS, trailersFrame } from '../grpc/wire.ts';
import type { Faucet } from './faucet.ts';
import { answerJson, jsonRoutes } from './json-routes.ts';
import { page } from './page.ts';

/** Sui's full nodes take messages up to 4 MiB. */
const MAX_BODY = 4 * 1024 * 1024;
/** Longer than a client is busy between two requests: one that compiles a package finds its connection still there. */
const KEEP_ALIVE_MS = 60_000;
const TEXT_TYPE = 'application/grpc-web-text';
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': '*',
  'access-control-expose-headers': 'grpc-status, grpc-message',
};

/** Nothing on the page runs, and nothing is fetched for it. */
const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
};

type Method = (request: never, signal: AbortSignal) => unknown;

/** What a server may tell otherwise than the chain is: see `lying-front.ts`. */
export interface CheckpointServices {
  ledger: Omit<ReturnType<typeof ledgerService>, 'getCheckpoint'> & {
    getCheckpoint(
      request: GrpcTypes.GetCheckpointRequest,
    ): GrpcTypes.GetCheckpointResponse | Promise<GrpcTypes.GetCheckpointResponse>;
  };
  subscription: Pick<ReturnType<typeof subscriptionService>, 'subscribeCheckpoints'>;
}

/** Serves the chain as gRPC-web, and faucet and clock as JSON, on one port. */
export class DevnetServer {
  readonly #chain: Chain;
  readonly #server: Server;
  readonly #services: Map<string, { type: ServiceType; methods: Record<string, Method> }>;
  readonly #routes: ReturnType<typeof jsonRoutes>;

  constructor(chain: Chain, faucet: Faucet, alter = (services: CheckpointServices) => services) {
    const subscriptions = subscriptionService(chain);
    const { ledger, subscription } = alter({ ledger: ledgerService(chain), subscription: subscriptions });
    this.#chain = chain;
    this.#services = new Map(
      [
        { type: GrpcTypes.LedgerService, methods: ledger },
        { type: GrpcTypes.StateService, methods: stateService(chain) },
        { type: GrpcTypes.TransactionExecutionService, methods: executionService(chain) },
        { type: GrpcTypes.SubscriptionService, methods: { ...subscriptions, ...subscription } },
        { type: GrpcTypes.MovePackageService, methods: packageService(chain) },
        { type: GrpcTypes.NameService, methods: nameService() },
        { type: GrpcTypes.SignatureVerificationService, methods: signatureService() },
      ].map((service) => [service.type.typeName, service as never]),
    );
    this.#routes = jsonRoutes(chain, faucet);
    this.#server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        console.error('devnet: defect while answering', error);
        response.destroy();
      });
    });
  }

  /** @returns the URL it listens on. @throws {DevnetError} `FAILED_PRECONDITION` when it cannot */
  async listen(port: number, host: string): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    }).catch((cause: NodeJS.ErrnoException) => {
      const message = `Cannot listen on ${host}, port ${port}: ${cause.code}`;
      throw new DevnetError('FAILED_PRECONDITION', message, { cause });
    });
    return `http://${host.includes(':') ? `[${host}]` : host}:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'OPTIONS') return void response.writeHead(204, CORS).end();
    const [path = ''] = request.url!.split('?', 1);
    const route = this.#routes[`${request.method} ${path}`];
    if (route !== undefined) return answerJson(response, async () => route(await readBody(request)));
    if (request.method === 'GET' && path === '/')
      return void response.writeHead(200, PAGE_HEADERS).end(page(this.#chain));
    const isGrpc =
      request.method === 'POST' && request.headers['content-type']?.startsWith('application/grpc-web');
    if (!isGrpc)
      return void response
        .writeHead(404, CORS)
        .end(`Cannot serve ${request.method} ${path}: no such route\n`);
    await this.#answerGrpc(path, request, response);
  }

  async #answerGrpc(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const contentType = request.headers['content-type']!;
    const isText = contentType.startsWith(TEXT_TYPE);
    const write = (frame: Buffer) =>
      writeFrame(response, isText ? Buffer.from(frame.toString('base64')) : frame);
    const abort = new AbortController();
    response.on('close', () => abort.abort());
    response.writeHead(200, { ...CORS, 'content-type': contentType });
    try {
      const { type, method } = this.#find(path);
      const body = await readBody(request);
      const message = readRequest(isText ? Buffer.from(body.toString(), 'base64') : body);
      // A subscriber learns that it is one before there is anything to tell.
      if (type.serverStreaming) response.flushHeaders();
      const result = await method(decode(type, message) as never, abort.signal);
      const messages = type.serverStreaming ? (result as AsyncIterable<object>) : [result as object];
      for await (const item of messages) {
        if (abort.signal.aborted) break;
        await write(messageFrame(type.O.toBinary(item)));
      }
      await write(trailersFrame(STATUS.OK));
    } catch (error) {
      await write(errorTrailers(error));
    }
    response.end();
  }

  #find(path: string): { type: MethodType; method: Method } {
    const [, serviceName = '', methodName = ''] = path.split('/');
    const service = this.#services.get(serviceName);
    const type = service?.type.methods.find(({ name }) => name === methodName);
    const method = type && service?.methods[type.localName];
    if (type === undefined || method === undefined) {
      throw unsupported(`${serviceName.replace('sui.rpc.v2.', '')}.${methodName}`);
    }
    return { type, method };
  }
}

interface MethodType {
  name: string;
  localName: string;
  serverStreaming: boolean;
  I: { fromBinary(bytes: Uint8Array): object };
  O: { toBinary(message: object): Uint8Array };
}

interface ServiceType {
  typeName: string;
  methods: MethodType[];
}

function decode(type: MethodType, message: Uint8Array): object {
  try {
    return type.I.fromBinary(message);
  } catch (cause) {
    throw new DevnetError('INVALID_ARGUMENT', `Cannot decode ${type.name} request`, { cause });
  }
}

function errorTrailers(error: unknown): Buffer {
  if (error instanceof DevnetError) return trailersFrame(STATUS[error.code], error.message);
  console.error('devnet: defect while answering', error);
  return trailersFrame(STATUS.INTERNAL, error instanceof Error ? error.message : 'internal error');
}

/** Waits while the client's buffer is full, so that a slow subscriber costs no memory. */
async function writeFrame(response: ServerResponse, frame: Buffer): Promise<void> {
  if (response.writableEnded || response.destroyed) return;
  if (response.write(frame)) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  // Not destroyed when it is too long: whoever sent it must get the answer that says so.
  const body: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
  for await (const chunk of body) {
    length += chunk.length;
    if (length > MAX_BODY)
      throw new DevnetError('RESOURCE_EXHAUSTED', `Cannot read request: larger than ${MAX_BODY} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
