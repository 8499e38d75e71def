import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { OrderCluster, type Running } from '@daasvader/testbed/cluster/order-cluster.ts';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';

/** In front of the full node; what it does with who connects. */
class Gate {
  /** `away` refuses, `mute` takes connections and never answers. */
  state: 'open' | 'away' | 'mute' = 'open';
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(url: string) {
    const { port } = new URL(url);
    this.#server = createServer((socket) => this.#accept(socket, Number(port)));
  }

  static async start(url: string): Promise<Gate> {
    const gate = new Gate(url);
    gate.#server.listen(0, '127.0.0.1');
    await once(gate.#server, 'listening');
    return gate;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  /** Cuts who is connected. */
  become(state: Gate['state']): void {
    this.state = state;
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.become('away');
    this.#server.close();
  }

  #accept(socket: Socket, port: number): void {
    if (this.state === 'away') return void socket.destroy();
    this.#keep(socket);
    if (this.state === 'mute') return void socket.resume();
    const node = this.#keep(connect(port, '127.0.0.1'));
    socket.pipe(node).pipe(socket);
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    return socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
  }
}

let cluster: OrderCluster;
let gate: Gate;

beforeAll(async () => {
  cluster = await OrderCluster.start();
});

afterAll(() => cluster.close());

beforeEach(async () => {
  gate = await Gate.start(cluster.url);
});

afterEach(() => gate.close());

/** Orders a Deployment through the gate, and shuts it once the number is told. */
async function orderThenShut(
  state: 'away' | 'mute',
  ...wait: string[]
): Promise<{ id: bigint; order: Running }> {
  const args = ['--image', 'web:1', '--no-service', '--rpc', gate.url, '--json'];
  const order = cluster.run('user', 'deploy', 'web', ...args, ...wait);
  const told = await order.told(/^executed: \w+\nordered: request \d+\n/);
  gate.become(state);
  return { id: BigInt(/request (\d+)/.exec(told)![1]!), order };
}

test.each(['away', 'mute'] as const)('an order is waited for while the full node is %s', async (state) => {
  const { id, order } = await orderThenShut(state, '--wait', '60');
  await cluster.complete(id);
  gate.become('open');
  const { exitCode, stdout } = await order.ended;
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout).requests).toMatchObject([{ id: `${id}`, status: 'COMPLETED' }]);
});

test.each(['away', 'mute'] as const)(
  'the wait ends while the full node is still %s, and says how to look later',
  async (state) => {
    const { id, order } = await orderThenShut(state, '--wait', '2');
    const { exitCode, stderr } = await order.ended;
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`after 2 s; look later with: daas requests ${id}`);
  },
);

test('an order that is not done in time is shown as it is, with how to look later', async () => {
  const { exitCode, stdout, stderr } = await cluster.daas(
    ...['deploy', 'late', '--image', 'web:1', '--no-service', '--wait', '0', '--json'],
  );
  const [{ id, status }] = JSON.parse(stdout).requests;
  expect({ exitCode, status }).toEqual({ exitCode: 1, status: 'PENDING' });
  expect(stderr).toContain(`not done after 0 s; look later with: daas requests ${id}\n`);
});
