import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A server that accepts and then says no more than it was told to, for ever. */
export interface SilentServer {
  readonly url: string;
  /** Resolves when so many have connected altogether. */
  connected(count: number): Promise<void>;
  close(): void;
}

/** @param words what it says to whoever connects, such as half an answer */
export async function startSilentServer(words = ''): Promise<SilentServer> {
  const clients = new Set<Socket>();
  const server = createServer((client) => {
    clients.add(client);
    client
      .on('error', () => client.destroy())
      .resume()
      .write(words);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    server.close();
    for (const client of clients) client.destroy();
  };
  const connected = async (count: number) => {
    while (clients.size < count) await once(server, 'connection');
  };
  return { connected, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}
