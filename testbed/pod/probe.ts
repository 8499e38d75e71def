import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';

/*
 * Tries what it is told to, all at once, and prints what came of each, as JSON: the answer, or why there is none.
 *
 *   node probe.ts '[{"get":"http://10.43.7.7:9000/"}]'
 */

/** One attempt. */
export type Probe =
  /** Asks for a page, of which only the length is told when it is long, or sends that many bytes; on a connection of its own. */
  | { get: string; bytes?: number; timeoutMs?: number }
  /** Opens a connection and says what is heard first, if anything is; what is opened and silent is `open`. */
  | { tcp: string; port: number }
  /** Sends a datagram and says what comes back. */
  | { udp: string; port: number; from?: number }
  /** Asks a resolver for the IPv4 addresses of a name. */
  | { name: string; resolver: string };

/** Long enough for a first packet that had to be sent again, and for a path that is made on demand. */
const TIMEOUT_MS = 4_000;
/** Characters. */
const LONG = 1_000;
/** How often a datagram is sent, each waited for this long. */
const DATAGRAM_TRIES = 4;
const DATAGRAM_MS = TIMEOUT_MS / DATAGRAM_TRIES;

if (import.meta.main) {
  const probes = JSON.parse(process.argv[2] ?? '[]') as Probe[];
  const outcomes = await Promise.all(
    probes.map((probe) => attempt(probe).catch((error) => `no answer: ${error.code ?? error.message}`)),
  );
  process.stdout.write(JSON.stringify(outcomes), () => process.exit()); // whatever is still open
}

function attempt(probe: Probe): Promise<string> {
  if ('get' in probe) return get(probe.get, probe.bytes, probe.timeoutMs ?? TIMEOUT_MS);
  if ('tcp' in probe) return open(probe.tcp, probe.port);
  if ('udp' in probe) return send(probe.udp, probe.port, probe.from);
  return resolve(probe.name, probe.resolver);
}

async function get(url: string, bytes: number | undefined, timeoutMs: number): Promise<string> {
  const signal = AbortSignal.timeout(timeoutMs);
  const asked = request(url, { agent: false, signal, method: bytes === undefined ? 'GET' : 'POST' });
  asked.end(bytes === undefined ? undefined : Buffer.alloc(bytes, 'x'));
  const [response] = await once(asked, 'response', { signal });
  let text = '';
  for await (const part of response.setEncoding('utf8')) text += part;
  return text.length > LONG ? `${text.length}` : text;
}

async function open(host: string, port: number): Promise<string> {
  const socket = connect({ host, port });
  await once(socket, 'connect', { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const heard = once(socket, 'data', { signal: AbortSignal.timeout(500) }).then(
    ([part]) => `${part}`,
    () => 'open',
  );
  return heard.finally(() => socket.destroy());
}

async function send(host: string, port: number, from: number | undefined): Promise<string> {
  const socket = createSocket('udp4').bind(from);
  try {
    for (let tried = 0; tried < DATAGRAM_TRIES; tried++) {
      socket.send('hello', port, host);
      const heard = once(socket, 'message', { signal: AbortSignal.timeout(DATAGRAM_MS) });
      const answer = await heard.then(
        ([message]) => `${message}`,
        (error) => {
          if (error.name !== 'AbortError') throw error;
        },
      );
      if (answer !== undefined) return answer;
    }
    throw new Error('silence');
  } finally {
    socket.close();
  }
}

async function resolve(name: string, server: string): Promise<string> {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 1 });
  resolver.setServers([server]);
  return (await resolver.resolve4(name)).sort().join(' ');
}
