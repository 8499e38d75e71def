import 'reflect-metadata'; // @peculiar/x509 needs it loaded first
import { createPrivateKey } from 'node:crypto';
import type { TlsIdentity } from '@daasvader/enclave/boot/keys.ts';
import { CredentialProofs } from '@daasvader/enclave/kube/credential.ts';
import { Pkcs10CertificateRequest, X509Certificate, X509CertificateGenerator } from '@peculiar/x509';

const ECDSA_P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const LIFETIME_MS = 600_000;

/** Body of a request for a credential. */
export interface CredentialBody {
  address: string;
  csr: string;
  timestamp_ms: number;
  signature: string;
}

/**
 * Checks the proof as the enclave does and signs the certificate with a CA of our own in the place of Kubernetes.
 * @param shownCa PEM that is handed out instead of the CA's
 */
export async function grantCredential(
  { address, csr, timestamp_ms: timestampMs, signature }: CredentialBody,
  clusterId: string,
  ca: TlsIdentity,
  shownCa = ca.certificate,
): Promise<object> {
  await new CredentialProofs(clusterId).check({ address, csr, timestampMs, signature });
  const certificate = await sign(csr, ca);
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'c',
        cluster: { server: 'https://127.0.0.1:6443', 'certificate-authority-data': base64(shownCa) },
      },
    ],
    users: [{ name: 'u', user: { 'client-certificate-data': base64(certificate) } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u', namespace: 'u-test' } }],
    'current-context': 'c',
  };
  return {
    kubeconfig: JSON.stringify(kubeconfig),
    certificate,
    expires_at_ms: Date.now() + LIFETIME_MS,
    namespaces: ['u-test'],
    role: 'developer',
  };
}

async function sign(csrPem: string, ca: TlsIdentity): Promise<string> {
  const csr = new Pkcs10CertificateRequest(csrPem);
  const pkcs8 = createPrivateKey(ca.key).export({ type: 'pkcs8', format: 'der' });
  const certificate = await X509CertificateGenerator.create({
    subject: csr.subject,
    issuer: new X509Certificate(ca.certificate).subject,
    publicKey: csr.publicKey,
    signingKey: await crypto.subtle.importKey('pkcs8', new Uint8Array(pkcs8), ECDSA_P256, false, ['sign']),
    signingAlgorithm: ECDSA_P256,
    notAfter: new Date(Date.now() + LIFETIME_MS),
  });
  return certificate.toString('pem');
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
