import type { TlsIdentity } from '@daasvader/enclave/boot/keys.ts';
import { CredentialProofs, signCredential } from '@daasvader/enclave/kube/credential.ts';
import { CertificateSigner } from '@daasvader/enclave/kube/signer.ts';

/** Body of a request for a credential. */
export interface CredentialBody {
  address: string;
  public_key: string;
  timestamp_ms: number;
  signature: string;
}

/**
 * Checks the proof and signs the certificate as the enclave does, with a CA of our own.
 * @param shownCa PEM that is handed out instead of the CA's
 */
export async function grantCredential(
  { address, public_key: publicKey, timestamp_ms: timestampMs, signature }: CredentialBody,
  clusterId: string,
  ca: TlsIdentity,
  shownCa = ca.certificate,
): Promise<object> {
  const claim = { address, publicKey, timestampMs };
  await new CredentialProofs(clusterId).check({ ...claim, signature });
  const { pem, expiresAtMs } = await signCredential(new CertificateSigner(ca), claim);
  return {
    api_server: 'https://127.0.0.1:6443',
    ca_cert: Buffer.from(shownCa).toString('base64'),
    certificate: pem,
    expires_at_ms: expiresAtMs,
    // A good name, and false in YAML 1.1.
    namespace: 'no',
    namespaces: ['u-test'],
    role: 'developer',
  };
}
