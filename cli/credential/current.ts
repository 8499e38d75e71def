import type { Binding } from '@daasvader/attestation/binding.ts';
import { CheckError, type CheckPassed } from '@daasvader/verifier/checks.ts';
import { EnclaveEndpoint } from '@daasvader/verifier/endpoint.ts';
import { VerifierError } from '@daasvader/verifier/error.ts';
import type { Signer } from '@mysten/sui/cryptography';
import { type ApiOptions, type Context, readRoot } from '../context.ts';
import { verifiedControlPlane } from '../verified-control-plane.ts';
import { type CacheKey, type Kept, keep, readKept } from './cache.ts';
import { type Credential, issueCredential } from './issue.ts';

/** How long a verification counts; then the chain and the attestation are asked again. */
const VERIFIED_FOR_MS = 3_600_000;
/** What is left of a credential that is still handed out: enough to begin something with it. */
const MIN_LEFT_MS = 120_000;
/** How long to wait for a sign that another control plane answers now. */
const PROBE_TIMEOUT_MS = 2_000;

/** Whose credential, where. */
export interface Account {
  context: Context;
  api: ApiOptions;
  wallet: Signer;
}

/**
 * The credential that an account has, or a new one when that ends soon. The control plane is verified at most hourly, and
 * whenever it is not the one that was verified; in between nothing but its verified TLS key is believed.
 *
 * @param report is told each check that passed, when there are any
 * @param minLeftMs for how long it is good at least; connections end with it
 * @throws CheckError, VerifierError, ChainError; CliError when the wallet does not sign
 */
export async function currentCredential(
  account: Account,
  report: (passed: CheckPassed) => void,
  minLeftMs = MIN_LEFT_MS,
): Promise<Credential> {
  const key = await keyOf(account);
  const kept = await readKept(key);
  if (kept === undefined || !isVerified(kept)) return verifyAndIssue(account, report);
  const endpoint = new EnclaveEndpoint(key.api, undefined, kept.tlsKey);
  try {
    if (kept.credential.expiresAtMs - Date.now() >= minLeftMs) {
      await assertSame(key.api, kept.tlsKey);
      return kept.credential;
    }
    const issuer = { endpoint, clusterId: key.clusterId, caSha256: Buffer.from(kept.caSha256, 'hex') };
    const credential = await issueCredential(issuer, account.wallet, report);
    await keepQuietly(key, { ...kept, credential });
    return credential;
  } catch (error) {
    if (!isAnother(error)) throw error;
    return verifyAndIssue(account, report);
  } finally {
    await endpoint.close();
  }
}

/** Verifies the control plane, whatever was kept, and gets a new credential, which is kept. */
export async function verifyAndIssue(
  account: Account,
  report: (passed: CheckPassed) => void,
): Promise<Credential> {
  const controlPlane = await verifiedControlPlane(account.context, account.api, report);
  const { endpoint, binding, cluster } = controlPlane;
  try {
    const issuer = { endpoint, clusterId: cluster.clusterId, caSha256: binding.caSha256 };
    const credential = await issueCredential(issuer, account.wallet, report);
    await keepQuietly(await keyOf(account), { ...verificationOf(binding), credential });
    return credential;
  } finally {
    await endpoint.close();
  }
}

function verificationOf({ tlsSpkiSha256, caSha256 }: Binding): Omit<Kept, 'credential'> {
  const [tlsKey, ca] = [tlsSpkiSha256, caSha256].map((hash) => Buffer.from(hash).toString('hex'));
  return { verifiedAtMs: Date.now(), tlsKey: tlsKey as string, caSha256: ca as string };
}

async function keyOf({ context: { deployment }, api, wallet }: Account): Promise<CacheKey> {
  const { chainId, originalPackageId: packageId, registryId: clusterId } = deployment;
  const address = wallet.toSuiAddress();
  return { api: api.api, root: await readRoot(api), chainId, packageId, clusterId, address };
}

/** A clock that went back says nothing about how long ago it was. */
function isVerified({ verifiedAtMs }: Kept): boolean {
  const age = Date.now() - verifiedAtMs;
  return age >= 0 && age < VERIFIED_FOR_MS;
}

/**
 * A credential is of no use where another control plane took over, and Kubernetes would only say that it does not know
 * the certificate; that nobody answers here says nothing about Kubernetes.
 */
async function assertSame(api: string, tlsKey: string): Promise<void> {
  const endpoint = new EnclaveEndpoint(api, AbortSignal.timeout(PROBE_TIMEOUT_MS), tlsKey);
  try {
    await endpoint.probe();
  } catch (error) {
    if (isAnother(error)) throw error;
  } finally {
    await endpoint.close();
  }
}

function isAnother(error: unknown): boolean {
  return error instanceof CheckError || (error instanceof VerifierError && error.code === 'tls_key');
}

/** A full disk costs a verification each time, and not the credential. */
async function keepQuietly(key: CacheKey, value: Kept): Promise<void> {
  await keep(key, value).catch((cause: Error) => {
    process.stderr.write(`Cannot keep the credential for next time: ${cause.message}\n`);
  });
}
