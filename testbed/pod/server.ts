import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';

/*
 * Answers with its name: HTTP and UDP on 9000. TCP on 9001 says what it hears. It ends with its standard input.
 *
 *   node server.ts NAME
 *
 * GET /bytes/N answers with that many bytes, POST with how many came. GET /ready is 200 until POST /unready, and again after
 * POST /ready.
 */

/** Where it answers. */
export const SERVER_PORT = 9000;
export const ECHO_PORT = 9001;

if (import.meta.main) await serve(process.argv[2] ?? '');

async function serve(name: string): Promise<void> {
  let isReady = true;
  const http = createServer((request, response) => {
    const url = request.url ?? '';
    if (request.method === 'POST' && url.endsWith('ready')) isReady = url === '/ready';
    if (url.endsWith('ready')) return response.writeHead(isReady ? 200 : 503).end();
    const wanted = Number(/^\/bytes\/(\d{1,9})$/.exec(url)?.[1] ?? 0);
    let received = 0;
    request.on('data', (part: Buffer) => {
      received += part.length;
    });
    request.on('end', () =>
      response.end(wanted ? Buffer.alloc(wanted, 'x') : request.method === 'POST' ? `${received}` : name),
    );
  });
  const echo = createTcpServer((socket) => socket.on('error', () => undefined).pipe(socket));
  const udp = createSocket('udp4').on('message', (_, { port, address }) => udp.send(name, port, address));
  await Promise.all([
    once(http.listen(SERVER_PORT), 'listening'),
    once(echo.listen(ECHO_PORT), 'listening'),
    once(udp.bind(SERVER_PORT), 'listening'),
  ]);
  process.stdout.write('ready\n');
  process.stdin.resume().once('end', () => process.exit());
}
