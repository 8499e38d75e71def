import { BlockList } from 'node:net';
import { dirname, resolve } from 'node:path';
import { DEFAULT_RANGES } from '@daasvader/chain/ranges.ts';
import { readBounded } from '@daasvader/program/bounded-file.ts';
import { ENCLAVE_PORT } from '@daasvader/vsock/ports.ts';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { HostProxyError } from './error.ts';

/** Far above what a configuration holds. */
const MAX_BYTES = 1 << 20;

const port = z.int().min(0).max(65_535);
/** Node's timers take no more ms than 32 bits hold with a sign, and fire at once when they are given more. */
const MAX_TIMER_SECONDS = Math.floor(0x7fff_ffff / 1_000);
const seconds = (min: number, max = MAX_TIMER_SECONDS) => z.number().min(min).max(max);
const id = z.string().regex(/^0x[0-9a-f]{64}$/, 'must be 0x and 64 lowercase hex digits');
const cidr = z.cidrv4('must be an IPv4 network such as 10.112.0.0/12');
const authority = z
  .string()
  .regex(/^([a-z0-9.-]+|\[[0-9a-f:]+\]):[1-9]\d{0,4}$/, 'must be host:port in lower case')
  .refine(
    (text) => Number(text.slice(text.lastIndexOf(':') + 1)) <= 65_535,
    'must end in a port, 1 to 65535',
  );
const path = z.string().min(1, 'must not be empty');
const name = z.string().regex(/^[a-z0-9.:-]{1,253}$/, 'must be a host name or an address in lower case');

/** What `nautilus-config.yaml` may hold. Every object is strict: an unknown key is an error that names it. */
const fileSchema = z.strictObject({
  tee: z.strictObject({
    type: z.enum(['AWS_NITRO', 'SOFTWARE']),
    attestation_interval: z.int().min(60).max(86_400).default(3_600),
  }),
  sui: z.strictObject({
    rpc_endpoint: z.url({ protocol: /^https?$/ }),
    /** More full nodes for the enclave, so that it can go on when one lies to it or is silent. */
    rpc_endpoints: z
      .array(z.url({ protocol: /^https?$/ }))
      .max(8)
      .default([]),
    event_filter: z.string().max(128).default(''),
  }),
  walrus: z
    .strictObject({
      /** From which the enclave fetches what orders keep in blobs; without it no order may be so large. */
      aggregator: z.url({ protocol: /^https?$/ }).optional(),
    })
    .prefault({}),
  enclave: z
    .strictObject({
      /** The EIF; without it somebody else starts the enclave. */
      image: path.optional(),
      memory_mib: z.int().min(1_024).default(4_096),
      cpu_count: z.int().min(1).max(64).default(2),
      cid: z.int().min(4).max(0xffff_fffe).default(16),
    })
    .prefault({}),
  k3s: z.strictObject({
    cluster_cidr: cidr.default(DEFAULT_RANGES.clusterCidr),
    service_cidr: cidr.default(DEFAULT_RANGES.serviceCidr),
  }),
  api: z.strictObject({
    port: port.default(ENCLAVE_PORT.kubernetes),
    enclave_port: port.default(ENCLAVE_PORT.api),
    listen: z.union([z.ipv4(), z.ipv6(), z.literal('localhost')]).default('0.0.0.0'),
    external_names: z.array(name).min(1).max(16),
    external_url: z.url({ protocol: /^https$/ }).optional(),
    tls_cert: path.optional(),
    tls_key: path.optional(),
  }),
  host: z.strictObject({
    deployment: path,
    key_file: path,
    state_dir: path,
    /** Unix socket of a hybrid vsock; without it the machine's own vsock device is used. */
    vsock: path.optional(),
    metrics_port: port.default(9464),
    drain_seconds: seconds(0, 3_600).default(10),
  }),
  relay: z
    .strictObject({
      max_connections: z.int().min(1).max(100_000).default(4_096),
      /** Of one IPv4 address or IPv6 /64; the workers behind one address share it. */
      max_connections_per_address: z.int().min(1).max(100_000).default(512),
      /** Of one address, on average; four times as many may come at once. */
      new_connections_per_second: z.int().min(1).max(100_000).default(64),
      idle_seconds: seconds(1).default(14_400),
    })
    .prefault({}),
  outbound: z.strictObject({ allow: z.array(authority).max(64).default([]) }).prefault({}),
  /** Seconds; the enclave takes no more, because it is the image that says how old the chain's word may get. */
  heartbeat_interval: z.int().min(1).max(30).default(30),
  gas: z
    .strictObject({
      /** At most; what a transaction offers is what a simulation says. The enclave signs no more than 0.5 SUI. */
      budget_per_transaction: z.int().min(1).max(500_000_000).default(500_000_000),
      /** Heartbeats, anchors, the lead, identity and registration. */
      heartbeats_per_hour: z.int().min(1).default(10_000_000_000),
      /** All else that the operator says, which users and workers cause. */
      statements_per_hour: z.int().min(1).default(100_000_000_000),
    })
    .prefault({}),
});

/** What no key can get wrong by itself. */
const configSchema = fileSchema
  .refine(({ k3s }) => !overlap(k3s.cluster_cidr, k3s.service_cidr), {
    path: ['k3s', 'service_cidr'],
    message: 'must not overlap k3s.cluster_cidr',
  })
  .refine(({ api }) => api.port === 0 || api.port !== api.enclave_port, {
    path: ['api', 'enclave_port'],
    message: 'must be another port than api.port',
  })
  .refine(
    ({ api, host }) => host.metrics_port === 0 || ![api.port, api.enclave_port].includes(host.metrics_port),
    {
      path: ['host', 'metrics_port'],
      message: 'must be another port than api.port and api.enclave_port',
    },
  );

/** Whether two IPv4 networks have an address in common: then one holds the other's first. */
function overlap(first: string, second: string): boolean {
  const holds = (outer: string, inner: string) => {
    const [net = '', prefix] = outer.split('/');
    const list = new BlockList();
    list.addSubnet(net, Number(prefix));
    return list.check(inner.split('/')[0] ?? '');
  };
  return holds(first, second) || holds(second, first);
}

/** The checked configuration; paths are absolute, times in seconds, gas in MIST. */
export type Config = z.infer<typeof configSchema>;

const deploymentSchema = z.object({
  network: z.string(),
  rpcUrl: z.string(),
  chainId: z.string(),
  packageId: id,
  originalPackageId: id,
  registryId: id,
  workersId: id,
  stakingId: id,
  schedulerId: id,
  imagesId: id,
  adminCapId: id.optional(),
});

/** The cluster's objects on chain, as its deployment file names them. */
export type ClusterDeployment = z.infer<typeof deploymentSchema>;

/**
 * Reads and checks `nautilus-config.yaml`. Relative paths in it are relative to its own folder.
 *
 * @throws {HostProxyError} `config`, naming each key that is wrong
 */
export async function readConfig(file: string): Promise<Config> {
  const config = check(configSchema, await read(file, parseYaml), file);
  const at = (path: string) => resolve(dirname(file), path);
  const { deployment, key_file, state_dir, vsock } = config.host;
  const paths = { deployment: at(deployment), key_file: at(key_file), state_dir: at(state_dir) };
  const host = { ...config.host, ...paths, ...(vsock !== undefined && { vsock: at(vsock) }) };
  const { image } = config.enclave;
  const enclave = { ...config.enclave, ...(image !== undefined && { image: at(image) }) };
  return { ...config, host, enclave };
}

/**
 * Reads the cluster's deployment file.
 *
 * @throws {HostProxyError} `config`
 */
export async function readClusterDeployment(file: string): Promise<ClusterDeployment> {
  return check(deploymentSchema, await read(file, JSON.parse), file);
}

/** YAML 1.2 and its core schema; a key twice, an unknown tag or a second document is an error. */
function parseYaml(text: string): unknown {
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    uniqueKeys: true,
    resolveKnownTags: false,
  });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) throw problem;
  return document.toJS();
}

async function read(file: string, decode: (text: string) => unknown): Promise<unknown> {
  try {
    return decode((await readBounded(file, MAX_BYTES)).toString('utf8'));
  } catch (cause) {
    throw new HostProxyError('config', `Cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
}

function check<T extends z.ZodType>(schema: T, value: unknown, file: string): z.infer<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => {
    const keys = issue.code === 'unrecognized_keys' ? issue.keys : [];
    const at = issue.path.join('.');
    if (keys.length === 0) return `${at || 'the file'}: ${issue.message}`;
    return keys.map((key) => `unknown key ${at ? `${at}.` : ''}${key}`).join('; ');
  });
  throw new HostProxyError('config', `Cannot use ${file}: ${problems.join('; ')}`);
}
