import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseConfiguration } from '@daasvader/enclave/boot/configuration.ts';
import { HybridHost } from '@daasvader/vsock/hybrid-host.ts';
import { ENCLAVE_PORT, HOST_PORT } from '@daasvader/vsock/ports.ts';
import { type Attack, survived } from './attack.ts';
import type { Field } from './field.ts';

/** Ports that only Kubernetes's own parts use, inside. */
const { pulse, configuration, outbound } = HOST_PORT;
const INNER_PORTS = [1, 22, 2379, pulse, configuration, outbound, 10_250, 10_257, 10_259];
const CONNECTIONS = 200;
const GARBAGE_BYTES = 64 * 1024;
const SETTLE_MS = 1_000;
const MIB = 1 << 20;
const MAX_GROWTH_MIB = 200;

/** What the host tries, who carries every byte and writes the configuration. */
export const HOST_ATTACKS: Attack[] = [
  ...INNER_PORTS.map((port) => ({
    attack: `connects to vsock port ${port}`,
    expected: 'nobody listens',
    refusal: /^refused/,
    run: async (field: Field) => {
      try {
        (await vsockOf(field).connect(port)).destroy();
        return 'connected';
      } catch (error) {
        return `refused: ${(error as Error).message}`;
      }
    },
  })),
  ...[ENCLAVE_PORT.kubernetes, ENCLAVE_PORT.api].flatMap((port) => [
    survived(`sends garbage to vsock port ${port}`, (field) => garble(field, port)),
    survived(`opens ${CONNECTIONS} connections to vsock port ${port}, past its own limits`, (field) =>
      crowd(field, port),
    ),
  ]),
  ...Object.entries<object>({
    'that an hour is fresh': { heartbeat_interval: 3_600 },
    'ranges that overlap': { k3s: { cluster_cidr: '10.42.0.0/16', service_cidr: '10.42.128.0/17' } },
    'public addresses for pods': { k3s: { cluster_cidr: '8.8.0.0/16', service_cidr: '10.43.0.0/16' } },
    'a range that is none': { k3s: { cluster_cidr: '10.42.0.0/99', service_cidr: '10.43.0.0/16' } },
    'a port that is true': { api: { ...good().api, port: true } },
    'a key that nobody knows': { allow_debug: true },
    'a package that is none': { cluster: { ...good().cluster, originalPackageId: 'daasvader' } },
  }).map(([what, change]) => ({
    attack: `configures ${what}`,
    expected: 'the enclave does not start',
    refusal: /^refused/,
    run: async () => {
      parseConfiguration(JSON.stringify(good())); // what is refused below is the change alone
      try {
        parseConfiguration(JSON.stringify({ ...good(), ...change }));
        return 'taken';
      } catch (error) {
        return `refused: ${(error as Error).message}`;
      }
    },
  })),
];

function vsockOf({ cluster }: Field): HybridHost {
  return new HybridHost(join(cluster.stateDir, 'vsock'));
}

async function garble(field: Field, port: number): Promise<string> {
  const vsock = vsockOf(field);
  for (let round = 0; round < 20; round++) {
    const socket = await vsock.connect(port);
    socket.on('error', () => {});
    socket.end(randomBytes(GARBAGE_BYTES));
  }
  return field.isServed();
}

async function crowd(field: Field, port: number): Promise<string> {
  const before = await memoryOf(field);
  const vsock = vsockOf(field);
  const opened = await Promise.allSettled(Array.from({ length: CONNECTIONS }, () => vsock.connect(port)));
  const sockets = opened.filter((each) => each.status === 'fulfilled').map(({ value }): Socket => value);
  for (const socket of sockets) socket.on('error', () => {});
  await sleep(SETTLE_MS);
  const grown = Math.round(((await memoryOf(field)) - before) / MIB);
  const served = await field.isServed();
  for (const socket of sockets) socket.destroy();
  return grown > MAX_GROWTH_MIB ? `the enclave grew by ${grown} MiB` : `${served}, +${grown} MiB`;
}

/** Resident bytes of the enclave's process. */
async function memoryOf({ cluster }: Field): Promise<number> {
  const pid = (await readFile(join(cluster.stateDir, 'enclave.pid'), 'utf8')).trim();
  const [, resident = '0'] = (await readFile(`/proc/${pid}/statm`, 'utf8')).split(' ');
  return Number(resident) * 4_096;
}

/** A configuration that an enclave takes. */
function good() {
  const id = `0x${'1'.repeat(64)}`;
  return {
    cluster: {
      network: 'devnet-local',
      rpcUrl: 'http://10.0.0.1:9000',
      chainId: 'x',
      packageId: id,
      originalPackageId: id,
      registryId: id,
      workersId: id,
      stakingId: id,
      schedulerId: id,
      imagesId: id,
    },
    tee: { type: 'AWS_NITRO' },
    sui: { rpc_endpoint: 'http://10.0.0.1:9000', event_filter: 'x' },
    k3s: { cluster_cidr: '10.42.0.0/16', service_cidr: '10.43.0.0/16' },
    api: { port: 6443, external_names: ['x'], external_url: 'https://x:6443' },
  };
}
