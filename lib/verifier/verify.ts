import { randomBytes } from 'node:crypto';
import { BINDING_VERSION, type Binding, decodeBinding } from '@daasvader/attestation/binding.ts';
import { AttestationError } from '@daasvader/attestation/error.ts';
import { z } from 'zod';
import { CheckError, type CheckPassed, checkControlPlane } from './checks.ts';
import type { Cluster } from './cluster.ts';
import { EnclaveEndpoint } from './endpoint.ts';
import { VerifierError } from './error.ts';
import { ROUTE } from './routes.ts';

const NONCE_BYTES = 32;

const answer = z.object({ document: z.base64(), binding: z.base64() });

/** A control plane that passed every check. Requests go to the verified TLS key and to no other. */
export interface VerifiedControlPlane {
  endpoint: EnclaveEndpoint;
  binding: Binding;
  cluster: Cluster;
}

/** Where to look, what to compare with, whom to tell. */
export interface VerifyOptions {
  apiEndpoint: string;
  /** Reads the cluster from the chain. */
  readCluster: () => Promise<Cluster>;
  /** PEM of the root to trust instead of AWS's. */
  root: string | undefined;
  report: (passed: CheckPassed) => void;
  /** Calls off what is being asked, also by requests that come later. */
  signal?: AbortSignal | undefined;
}

/**
 * Fetches an attestation for a fresh nonce and checks it against the chain.
 * @throws CheckError when a check fails; VerifierError `unreachable`, `refused`, `malformed`, or whatever
 *   `readCluster` throws, when nothing could be checked
 */
export async function verifyControlPlane(options: VerifyOptions): Promise<VerifiedControlPlane> {
  const { apiEndpoint, root, report, signal } = options;
  const endpoint = new EnclaveEndpoint(apiEndpoint, signal);
  try {
    const nonce = randomBytes(NONCE_BYTES);
    const [cluster, { document, binding }] = await Promise.all([
      options.readCluster(),
      fetchAttestation(endpoint, nonce),
    ]);
    const evidence = { document, binding, nonce, tlsKey: endpoint.tlsKey ?? 'none' };
    await checkControlPlane(evidence, { cluster, root, now: Date.now(), report });
    return { endpoint, binding, cluster };
  } catch (error) {
    await endpoint.close();
    throw error;
  }
}

async function fetchAttestation(
  endpoint: EnclaveEndpoint,
  nonce: Buffer,
): Promise<{ document: Uint8Array; binding: Binding }> {
  const path = `${ROUTE.attestation}?nonce=${nonce.toString('hex')}`;
  const parsed = answer.safeParse(await endpoint.request('GET', path));
  if (!parsed.success)
    throw new VerifierError(
      'malformed',
      `Cannot read the attestation of ${endpoint.url}: ${z.prettifyError(parsed.error)}`,
    );
  const document = Buffer.from(parsed.data.document, 'base64');
  return { document, binding: readBinding(Buffer.from(parsed.data.binding, 'base64')) };
}

function readBinding(bytes: Uint8Array): Binding {
  try {
    return decodeBinding(bytes);
  } catch (cause) {
    if (!(cause instanceof AttestationError)) throw cause;
    throw new CheckError('binding', cause.message, `a binding of version ${BINDING_VERSION}`, cause.code, {
      cause,
    });
  }
}
