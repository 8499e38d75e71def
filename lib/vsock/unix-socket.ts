import { chmod, lstat, unlink } from 'node:fs/promises';
import { connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type ConnectionHandler, VsockError } from './vsock.ts';

/** `sun_path` holds 108 bytes with its terminating zero (unix(7)); Node cuts longer paths silently. */
const MAX_PATH_BYTES = 107;
const BACKLOG = 4_096;
/** How often, and after how long, a peer is asked again that could not accept fast enough. */
const BUSY_ATTEMPTS = 200;
const BUSY_PAUSE_MS = 10;
const NOBODY_LISTENS = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET']);

/**
 * How much a socket of a byte relay may hold before its writer has to wait. Node reads up to 64 KiB at once: with less
 * than a few of those, reading would stop and start again around every write.
 */
export const STREAM_BUFFER_BYTES = 256 * 1024;

/**
 * Connects to a Unix socket.
 *
 * @throws {VsockError} `refused` when nobody listens there, `path` when it cannot be reached at all
 */
export async function connectPath(path: string): Promise<Socket> {
  assertPath(path);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await connectOnce(path);
    } catch (cause) {
      const { code = 'unknown' } = cause as NodeJS.ErrnoException;
      // TCP would let a client wait for its turn; a Unix socket whose backlog is full says so at once.
      if (code === 'EAGAIN' && attempt < BUSY_ATTEMPTS) await delay(BUSY_PAUSE_MS);
      else {
        const why = NOBODY_LISTENS.has(code) ? 'refused' : 'path';
        throw new VsockError(why, `Cannot connect to ${path}: ${code}`, { cause });
      }
    }
  }
}

function connectOnce(path: string): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  // allowHalfOpen: what the caller still has to write is its own affair when the peer is done.
  const socket = connect({ path, allowHalfOpen: true, highWaterMark: STREAM_BUFFER_BYTES } as NetConnectOpts);
  socket.once('error', reject).once('connect', () => {
    socket.off('error', reject);
    resolve(socket);
  });
  return promise;
}

/**
 * Listens on a Unix socket that only this user may open, and takes the place of a socket file whose owner died.
 *
 * @throws {VsockError} `in-use` when a live process listens there, `path` when the path cannot be used
 */
export async function listenPath(path: string, onConnection: ConnectionHandler): Promise<Server> {
  assertPath(path);
  await removeStaleSocket(path);
  const server = createServer({ allowHalfOpen: true, highWaterMark: STREAM_BUFFER_BYTES }, onConnection);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen({ path, backlog: BACKLOG }, resolve);
  await promise.catch((cause: NodeJS.ErrnoException) => {
    const code = cause.code === 'EADDRINUSE' ? 'in-use' : 'path';
    throw new VsockError(code, `Cannot listen on ${path}: ${cause.code}`, { cause });
  });
  server.off('error', reject);
  await chmod(path, 0o600);
  return server;
}

async function removeStaleSocket(path: string): Promise<void> {
  const stat = await lstat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined;
    throw new VsockError('path', `Cannot listen on ${path}: ${cause.code}`, { cause });
  });
  if (!stat) return;
  if (!stat.isSocket()) {
    throw new VsockError(
      'path',
      `Cannot listen on ${path}: a file that is not a socket is there; move it away`,
    );
  }
  if (await isAlive(path)) {
    throw new VsockError('in-use', `Cannot listen on ${path}: another process listens there; stop it first`);
  }
  await unlink(path);
}

async function isAlive(path: string): Promise<boolean> {
  try {
    (await connectPath(path)).destroy();
    return true;
  } catch (error) {
    if (error instanceof VsockError && error.code === 'refused') return false;
    throw error;
  }
}

function assertPath(path: string): void {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw new VsockError(
      'path',
      `Cannot use ${path} as a socket: longer than ${MAX_PATH_BYTES} bytes; choose a shorter folder`,
    );
  }
}
