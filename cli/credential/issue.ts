import { generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { type CheckPassed, checkCa } from '@daasvader/verifier/checks.ts';
import { credentialMessage } from '@daasvader/verifier/credential-message.ts';
import type { EnclaveEndpoint } from '@daasvader/verifier/endpoint.ts';
import { VerifierError } from '@daasvader/verifier/error.ts';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import { userOf } from '@daasvader/verifier/user.ts';
import type { Signer } from '@mysten/sui/cryptography';
import { z } from 'zod';

const answer = z.object({
  api_server: z.url({ protocol: /^https$/ }),
  ca_cert: z.base64(),
  certificate: z.string(),
  expires_at_ms: z.int(),
  namespace: z.string(),
  namespaces: z.array(z.string()),
  role: z.string(),
});

/** What of a verified control plane a credential rests on. */
export interface Issuer {
  endpoint: EnclaveEndpoint;
  clusterId: string;
  /** Of the attested CA. */
  caSha256: Uint8Array;
}

/** How to reach Kubernetes as a user for some minutes; everything but the key is checked to be of the attested cluster. */
export interface Credential {
  server: string;
  /** PEM, the attested CA alone. */
  ca: string;
  certificate: string;
  /** PEM of the private key that was made here. */
  key: string;
  expiresAtMs: number;
  /** The one to begin in. */
  namespace: string;
  namespaces: string[];
  role: string;
}

/**
 * Proves the wallet's address to a verified control plane and gets a client certificate for a new key.
 *
 * @throws VerifierError, CheckError when another CA is handed out than was attested
 */
export async function issueCredential(
  { endpoint, clusterId, caSha256 }: Issuer,
  wallet: Signer,
  report: (passed: CheckPassed) => void,
): Promise<Credential> {
  const address = wallet.toSuiAddress();
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const claim = { address, publicKey: pointOf(publicKey), timestampMs: Date.now() };
  const { signature } = await wallet.signPersonalMessage(credentialMessage(clusterId, claim));
  const body = { address, public_key: claim.publicKey, timestamp_ms: claim.timestampMs, signature };
  const granted = read(await endpoint.request('POST', ROUTE.kubeconfig, { body }), endpoint.url);
  // kubectl will believe whoever this CA vouches for, so it must be the attested one, alone.
  const ca = checkCa(Buffer.from(granted.ca_cert, 'base64').toString('utf8'), { caSha256 }, report);
  return {
    server: granted.api_server,
    ca,
    certificate: readCertificate(granted.certificate, address, privateKey),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    expiresAtMs: granted.expires_at_ms,
    namespace: granted.namespace,
    namespaces: granted.namespaces,
    role: granted.role,
  };
}

/** The uncompressed point, in hex, that ends a SubjectPublicKeyInfo. */
function pointOf(publicKey: KeyObject): string {
  return publicKey.export({ type: 'spki', format: 'der' }).subarray(-65).toString('hex');
}

/** Reads the certificate, which must be for our user and key. */
function readCertificate(pem: string, address: string, privateKey: KeyObject): string {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem);
  } catch (cause) {
    throw new VerifierError('malformed', 'Cannot read the certificate that was issued', { cause });
  }
  if (certificate.subject !== `CN=${userOf(address)}` || !certificate.checkPrivateKey(privateKey))
    throw new VerifierError('malformed', 'Cannot use the certificate: it is not for our user and key');
  return certificate.toString();
}

function read(value: unknown, url: string): z.output<typeof answer> {
  const parsed = answer.safeParse(value);
  if (parsed.success) return parsed.data;
  const reason = z.prettifyError(parsed.error);
  throw new VerifierError('malformed', `Cannot read the credential of ${url}: ${reason}`);
}
