/** A relay in a process of its own, so that its CPU time can be told apart: prints its TCP port. */
import { Metrics } from '@daasvader/host-proxy/metrics.ts';
import { RelayServer } from '@daasvader/host-proxy/relay-server.ts';
import { HybridHost } from '@daasvader/vsock/hybrid-host.ts';
import { pino } from 'pino';

const [path, vsockPort] = process.argv.slice(2);
if (!path || !vsockPort) throw new Error('usage: relay-process.ts VSOCK-PATH VSOCK-PORT');
const options = {
  host: '127.0.0.1',
  port: 0,
  vsockPort: Number(vsockPort),
  maxConnections: 64,
  perAddress: { connections: 64, perSecond: 1_000 },
  firstByteMs: 60_000,
  idleMs: 600_000,
  lingerMs: 1_000,
};
const server = await RelayServer.listen(
  new HybridHost(path),
  options,
  new Metrics(),
  pino({ level: 'warn' }),
);
process.stdout.write(`${server.port}\n`);
