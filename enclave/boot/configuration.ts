import { rangesProblem } from '@daasvader/attestation/cidr.ts';
import { serviceFetch } from '@daasvader/vsock/fetch.ts';
import { HOST_ROUTE } from '@daasvader/vsock/host-routes.ts';
import { HOST_PORT } from '@daasvader/vsock/ports.ts';
import type { Vsock } from '@daasvader/vsock/vsock.ts';
import { z } from 'zod';
import { MAX_HEARTBEAT_SECONDS } from '../chain/freshness.ts';
import { EnclaveError } from '../error.ts';

const TIMEOUT_MS = 10_000;
const MAX_BYTES = 64 * 1024;

const id = z.string().regex(/^0x[0-9a-f]{64}$/);
/** No parser takes a name for an address whose last label begins with a letter, nor one of these addresses for a name. */
const HOST_NAME = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;
const name = z.union([z.ipv4(), z.ipv6(), z.string().regex(HOST_NAME)]);

const schema = z.strictObject({
  cluster: z.strictObject({
    network: z.string().max(64),
    rpcUrl: z.url(),
    chainId: z.string().min(1).max(64),
    packageId: id,
    originalPackageId: id,
    registryId: id,
    workersId: id,
    stakingId: id,
    schedulerId: id,
    imagesId: id,
    adminCapId: id.optional(),
  }),
  tee: z.strictObject({
    type: z.enum(['AWS_NITRO', 'SOFTWARE']),
    attestation_interval: z.int().min(60).max(86_400).default(3_600),
  }),
  sui: z.strictObject({
    rpc_endpoint: z.url(),
    /** More full nodes, asked when one lies or is silent. */
    rpc_endpoints: z.array(z.url()).max(8).default([]),
    event_filter: z.string().max(128),
  }),
  walrus: z
    .strictObject({
      /** Where the bodies of orders are that fit into no transaction. */
      aggregator: z.url({ protocol: /^https?$/ }).optional(),
    })
    .prefault({}),
  k3s: z.strictObject({ cluster_cidr: z.string(), service_cidr: z.string() }).check(({ value, issues }) => {
    const message = rangesProblem(value.cluster_cidr, value.service_cidr);
    if (message !== undefined) issues.push({ code: 'custom', message, input: value });
  }),
  api: z.strictObject({
    port: z.int().min(1).max(65_535),
    /** Names and addresses by which workers and users reach the cluster; they go into the certificates. */
    external_names: z.array(name).min(1).max(16),
    /** URL of the Kubernetes API as workers and users see it. */
    external_url: z.url({ protocol: /^https$/ }).transform((url) => new URL(url).origin),
  }),
  /** Seconds between two heartbeats on chain. */
  heartbeat_interval: z.int().min(1).max(MAX_HEARTBEAT_SECONDS).default(30),
});

/**
 * What the host says about the world outside. None of it is trusted: whatever matters is compared with the chain or
 * committed to in the attestation document.
 */
export type Configuration = z.infer<typeof schema>;

/**
 * Checks a configuration; an unknown key is an error, because a misspelt one would otherwise be ignored.
 *
 * @throws {EnclaveError} `configuration`
 */
export function parseConfiguration(text: string): Configuration {
  let candidate: unknown;
  try {
    candidate = JSON.parse(text);
  } catch (cause) {
    throw new EnclaveError('configuration', 'Cannot read configuration: it is not JSON', { cause });
  }
  const result = schema.safeParse(candidate);
  if (result.success) return result.data;
  const issues = result.error.issues.map(
    (issue) => `${issue.path.join('.') || 'configuration'}: ${issue.message}`,
  );
  throw new EnclaveError('configuration', `Cannot use configuration: ${issues.join('; ')}`);
}

/**
 * Asks the host for the configuration.
 *
 * @throws {EnclaveError} `host` when there is no answer, `configuration` when it is none
 */
export async function fetchConfiguration(vsock: Vsock): Promise<Configuration> {
  const host = serviceFetch(vsock, HOST_PORT.configuration);
  try {
    const response = await host.fetch(`http://host${HOST_ROUTE.configuration}`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok)
      throw new EnclaveError('host', `Cannot get configuration: the host answered ${response.status}`);
    const text = await response.text();
    if (text.length > MAX_BYTES)
      throw new EnclaveError('configuration', 'Cannot read configuration: over 64 KiB');
    return parseConfiguration(text);
  } catch (cause) {
    if (cause instanceof EnclaveError) throw cause;
    throw new EnclaveError('host', `Cannot get configuration on vsock port ${HOST_PORT.configuration}`, {
      cause,
    });
  } finally {
    await host.close();
  }
}
