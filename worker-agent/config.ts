import { join } from 'node:path';
import { readBounded } from '@daasvader/program/bounded-file.ts';
import { ENCLAVE_PORT } from '@daasvader/vsock/ports.ts';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { WorkerError } from './error.ts';

const url = z.url({ protocol: /^https?$/ });
const httpsUrl = z.url({ protocol: /^https$/ });
const objectId = z.string().regex(/^0x[0-9a-f]{64}$/, 'must be 0x and 64 hex digits');
/** One DNS label that, with `system:node:` before it, fits into the 64 characters of a certificate's common name. */
const NODE_ID = /^[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?$/;
const DEFAULT_DATA_DIR = '/var/lib/k3s';
/** Far above what a configuration holds. */
const MAX_BYTES = 1 << 20;

// What a file says as a number and a variable as digits; nothing else, such as a truth or an empty text, is a number.
const whole = z.union(
  [
    z.bigint(),
    z
      .string()
      .regex(/^\d{1,20}$/)
      .transform(BigInt),
  ],
  'must be a whole number',
);
const between = (min: bigint, max: bigint) =>
  whole
    .refine((value) => value >= min && value <= max, `must be a whole number from ${min} to ${max}`)
    .transform(Number);
/** Sui counts MIST in 64 bits. */
const mist = whole.refine(
  (value) => value > 0n && value < 1n << 64n,
  'must be MIST: a whole number from 1 to 2^64 - 1',
);
const seconds = z.union(
  [
    z.bigint().transform(Number),
    z.number(),
    z
      .string()
      .regex(/^\d{1,9}(\.\d{1,3})?$/)
      .transform(Number),
  ],
  'must be a number of seconds',
);
const MAX_ATTESTATION_INTERVAL = 86_400;

const schema = z.strictObject({
  sui: z.strictObject({
    rpc_endpoint: url,
    /** The Move package of the cluster. */
    staking_contract: objectId,
    worker_registry: objectId,
    /** Checked against the chain that the RPC serves; taken from it when left out. */
    chain_id: z.string().min(1).optional(),
    wallet_address: objectId.optional(),
    /** File with one `suiprivkey1…` line; only commands that send transactions need it. */
    wallet_key: z.string().min(1).optional(),
  }),
  k3s: z.strictObject({
    master_endpoint: httpsUrl,
    /** The enclave's API; port 8443 of the master endpoint when left out. */
    api_endpoint: httpsUrl.optional(),
    data_dir: z.string().startsWith('/').default(DEFAULT_DATA_DIR),
    binary: z.string().min(1).default('k3s'),
  }),
  node: z.strictObject({
    id: z.string().regex(NODE_ID, 'must be a DNS label of at most 52 characters'),
    ip: z.union([z.ipv4(), z.ipv6()]).optional(),
    /** MIST; 5 SUI is the registry's default minimum. */
    stake_amount: mist.default(5_000_000_000n),
    /** Port of health and metrics. */
    port: between(0n, 65_535n).default(8080),
    /** UDP port where other nodes reach this one. */
    overlay_port: between(1n, 65_535n).default(51_820),
    seal_token: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'must be 64 lowercase hex digits')
      .optional(),
  }),
  security: z
    .strictObject({
      /** Certificate and key of the health and metrics endpoint, which listens on loopback only without them. */
      tls_cert: z.string().min(1).optional(),
      tls_key: z.string().min(1).optional(),
      /** PEM file of the root to trust instead of AWS's: for development. */
      attestation_root: z.string().min(1).optional(),
      /** Seconds between attestations of the running control plane. */
      attestation_interval: seconds
        .refine((value) => value > 0 && value <= MAX_ATTESTATION_INTERVAL, {
          message: `must be a number of seconds, ${MAX_ATTESTATION_INTERVAL} at most`,
        })
        .default(3600),
    })
    .refine(({ tls_cert, tls_key }) => (tls_cert === undefined) === (tls_key === undefined), {
      message: 'tls_cert and tls_key go together',
    })
    .prefault({}),
});

/** Environment variables and the key of `worker-config.yaml` that each one overrides. */
export const ENVIRONMENT = {
  SUI_RPC_URL: ['sui', 'rpc_endpoint'],
  CONTRACT_PACKAGE_ID: ['sui', 'staking_contract'],
  WORKER_REGISTRY_ID: ['sui', 'worker_registry'],
  CHAIN_ID: ['sui', 'chain_id'],
  WALLET_ADDRESS: ['sui', 'wallet_address'],
  WALLET_KEY: ['sui', 'wallet_key'],
  MASTER_URL: ['k3s', 'master_endpoint'],
  API_URL: ['k3s', 'api_endpoint'],
  DATA_DIR: ['k3s', 'data_dir'],
  DAAS_K3S: ['k3s', 'binary'],
  NODE_ID: ['node', 'id'],
  NODE_IP: ['node', 'ip'],
  STAKE_AMOUNT: ['node', 'stake_amount'],
  NODE_PORT: ['node', 'port'],
  OVERLAY_PORT: ['node', 'overlay_port'],
  SEAL_TOKEN: ['node', 'seal_token'],
  TLS_CERT: ['security', 'tls_cert'],
  TLS_KEY: ['security', 'tls_key'],
  ATTESTATION_ROOT: ['security', 'attestation_root'],
  ATTESTATION_INTERVAL: ['security', 'attestation_interval'],
} as const satisfies Record<string, readonly [string, string]>;

/** Configuration of one worker, complete and checked. */
export interface WorkerConfig extends z.output<typeof schema> {
  /** Base URL of the enclave's API. */
  apiEndpoint: string;
  /** Directory of the agent's own files: keys, credentials, state. */
  stateDir: string;
}

/**
 * Reads `worker-config.yaml`, if a file is given, and lets environment variables override it.
 * @throws WorkerError `config` for an unreadable file, an unknown key, a missing or a wrong value
 */
export async function readConfig(
  file: string | undefined,
  environment: Record<string, string | undefined> = process.env,
): Promise<WorkerConfig> {
  const written = file === undefined ? {} : await readYaml(file);
  const parsed = schema.safeParse(override(written, environment));
  if (!parsed.success)
    throw new WorkerError('config', `Cannot use the configuration: ${describe(parsed.error)}`, {
      cause: parsed.error,
    });
  const { k3s } = parsed.data;
  return {
    ...parsed.data,
    apiEndpoint: k3s.api_endpoint ?? apiOf(k3s.master_endpoint),
    stateDir: join(k3s.data_dir, 'worker-agent'),
  };
}

async function readYaml(file: string): Promise<Record<string, unknown>> {
  try {
    const value = parseYaml((await readBounded(file, MAX_BYTES)).toString('utf8')) ?? {};
    if (typeof value !== 'object' || Array.isArray(value)) throw new Error('not a mapping');
    return value as Record<string, unknown>;
  } catch (cause) {
    throw new WorkerError('config', `Cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
}

/** YAML 1.2 and its core schema, no number rounded; a key twice, an unknown tag or a second document is an error. */
function parseYaml(text: string): unknown {
  const schema = { version: '1.2', schema: 'core', resolveKnownTags: false } as const;
  const document = parseDocument(text, { ...schema, uniqueKeys: true, intAsBigInt: true });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) throw problem;
  return document.toJS();
}

function override(written: Record<string, unknown>, environment: Record<string, string | undefined>): object {
  const config: Record<string, unknown> = { sui: {}, k3s: {}, node: {}, security: {}, ...written };
  for (const [variable, [section, key]] of Object.entries(ENVIRONMENT)) {
    const value = environment[variable];
    if (value === undefined || value === '') continue;
    const given = config[section] ?? {};
    // A section that is no mapping stays as it is, for the schema to refuse.
    if (typeof given === 'object') config[section] = { ...given, [key]: value };
  }
  return config;
}

function apiOf(masterEndpoint: string): string {
  const api = new URL(masterEndpoint);
  api.port = String(ENCLAVE_PORT.api);
  return api.origin;
}

function describe(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.') || 'file'}: ${reasonOf(issue)}`).join('; ');
}

function reasonOf({ code, path, message }: z.core.$ZodIssue): string {
  if (code !== 'invalid_type' || !message.endsWith('received undefined')) return message;
  const variable = Object.entries(ENVIRONMENT).find(([, place]) => place.join('.') === path.join('.'))?.[0];
  return `missing; write it in the file${variable === undefined ? '' : ` or set ${variable}`}`;
}
