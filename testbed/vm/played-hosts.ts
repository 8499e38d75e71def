import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Socket } from 'node:net';

/*
 * The hosts of one network namespace, whatever addresses they have: they write down who came and answer a little.
 *
 *   node played-hosts.ts VISITS [RESOLVER SERVER NAME]
 *
 * VISITS is the file to write to, a line of JSON for each TCP connection and datagram. With the rest, it is the internet
 * too: a resolver at one address, which knows the name of the server at the other.
 */

/** Who came, and to what. */
export interface Visit {
  /** ms since 1970 */
  at: number;
  protocol: 'tcp' | 'udp';
  /** Address and port, as the visitor's last router made them. */
  from: string;
  /** Address and port; `*` for the address that a datagram of a provider's network was sent to. */
  to: string;
}

/** TCP ports on which every host answers; besides these, HTTP. */
const SILENT_PORTS = [22, 53, 443, 6443, 10250];
const HTTP_PORT = 80;
const SMTP_PORT = 25;
/** UDP ports on which every host listens. */
const DATAGRAM_PORTS = [53, 123, 51820, 51821];
const DNS_PORT = 53;
const ECHO_PORT = 7;

if (import.meta.main) {
  const [file = '', resolver, server = '', name = ''] = process.argv.slice(2);
  await play(file);
  if (resolver !== undefined) await playInternet(file, resolver, server, name);
  process.stdout.write('ready\n');
}

async function play(file: string): Promise<void> {
  const greet = (port: number, greeting: string) =>
    listen(
      createServer((socket) => greetVisitor(file, socket, greeting)),
      port,
    );
  for (const port of SILENT_PORTS) await greet(port, '');
  await greet(SMTP_PORT, '220 mail\r\n');
  await listen(
    createHttpServer((request, response) => {
      // /bytes/N answers with that many; what is sent is counted.
      const wanted = Number(/^\/bytes\/(\d{1,9})$/.exec(request.url ?? '')?.[1] ?? 0);
      let received = 0;
      request.on('data', (part: Buffer) => (received += part.length));
      request.on('end', () =>
        response.end(
          wanted
            ? Buffer.alloc(wanted, 'x')
            : JSON.stringify({ from: request.socket.remoteAddress, received }),
        ),
      );
    }).on('connection', (socket) => note(file, tcpVisit(socket))),
    HTTP_PORT,
  );
  for (const port of DATAGRAM_PORTS) await bind(file, '0.0.0.0', port, () => undefined);
}

async function playInternet(file: string, resolver: string, server: string, name: string): Promise<void> {
  await bind(file, resolver, DNS_PORT, (query) => answer(query, name, server));
  await bind(file, server, ECHO_PORT, (datagram) => datagram);
}

function greetVisitor(file: string, socket: Socket, greeting: string): void {
  note(file, tcpVisit(socket));
  socket.on('error', () => undefined); // whoever came may go as they like
  socket.end(greeting);
}

function tcpVisit(socket: Socket): Visit {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  return {
    at: Date.now(),
    protocol: 'tcp',
    from: `${remoteAddress}:${remotePort}`,
    to: `${localAddress}:${localPort}`,
  };
}

function note(file: string, visit: Visit): void {
  appendFileSync(file, `${JSON.stringify(visit)}\n`);
}

async function listen(server: ReturnType<typeof createServer>, port: number): Promise<void> {
  await once(server.listen(port, '0.0.0.0'), 'listening');
}

/** Listens for datagrams beside whoever listens on all addresses, and answers with what `reply` gives. */
async function bind(
  file: string,
  address: string,
  port: number,
  reply: (datagram: Buffer) => Buffer | undefined,
): Promise<void> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  socket.on('error', () => undefined); // an answer that found nobody
  socket.on('message', (datagram, from) => {
    const to = `${address === '0.0.0.0' ? '*' : address}:${port}`;
    note(file, { at: Date.now(), protocol: 'udp', from: `${from.address}:${from.port}`, to });
    const answered = reply(datagram);
    if (answered !== undefined) socket.send(answered, from.port, from.address);
  });
  socket.bind(port, address);
  await once(socket, 'listening');
}

/** Answers a query for one name (RFC 1035, section 4): A with the address, other types with nothing, other names with NXDOMAIN. */
function answer(query: Buffer, name: string, address: string): Buffer | undefined {
  const question = Buffer.concat([...name.split('.').map(label), Buffer.of(0)]);
  const end = query.indexOf(0, 12) + 1;
  if (end === 0 || query.length < end + 4) return undefined;
  const isKnown = query.subarray(12, end).toString('latin1').toLowerCase() === question.toString('latin1');
  const hasAnswer = isKnown && query.readUInt16BE(end) === 1; // A
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(0x8180 | (isKnown ? 0 : 3), 2); // response, recursion desired and available; NXDOMAIN is 3
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(hasAnswer ? 1 : 0, 6);
  header.writeUInt32BE(0, 8);
  // The name is that of the question; A, IN, 30 s, 4 bytes.
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, ...address.split('.').map(Number)]);
  return Buffer.concat([header, query.subarray(12, end + 4), ...(hasAnswer ? [record] : [])]);
}

function label(text: string): Buffer {
  return Buffer.concat([Buffer.of(text.length), Buffer.from(text)]);
}
