import { z } from 'zod';
import type { Audit } from '../audit/audit.ts';
import type { ClusterState } from '../chain/cluster-state.ts';
import { EnclaveError } from '../error.ts';
import { type CredentialProofs, signCredential } from '../kube/credential.ts';
import type { Kubernetes } from '../kube/kubernetes.ts';
import { namespaceOf, roleName, userOf } from '../kube/names.ts';
import type { Tenants } from '../kube/tenants.ts';
import { readJson } from './body.ts';
import type { Routes } from './server.ts';

const body = z.strictObject({
  address: z.string().regex(/^0x[0-9a-f]{64}$/, 'must be a full Sui address'),
  csr: z.string().max(8_192),
  timestamp_ms: z.int(),
  signature: z.string().max(4_096),
});

/** What issuing credentials needs. */
export interface KubeconfigOptions {
  readonly kubernetes: Kubernetes;
  readonly tenants: Tenants;
  readonly proofs: CredentialProofs;
  readonly state: ClusterState;
  readonly audit: Audit;
  readonly caPem: string;
  readonly apiServer: string;
  /** Throws while the chain's word, and so the role, is too old to trust. */
  readonly assertFresh: () => void;
}

/** `POST /api/v1/kubeconfig`: a signed personal message becomes a client certificate of minutes with the role's rights. */
export function kubeconfigRoutes(options: KubeconfigOptions): Routes {
  const { kubernetes, tenants, proofs, state, audit, assertFresh } = options;
  return (router) => {
    router.post('/api/v1/kubeconfig', async (ctx) => {
      const { address, csr, timestamp_ms, signature } = body.parse(await readJson(ctx));
      assertFresh();
      await proofs.check({ address, csr, timestampMs: timestamp_ms, signature });
      const role = state.roles.roleOf(address);
      const granted = state.roles.grantsTo(address).map(({ namespace }) => namespace);
      if (role > 0) await tenants.ensure(address, role);
      else if (granted.length === 0)
        throw new EnclaveError('credential', 'Cannot issue a credential: stake first, or ask for a role');
      const namespaces = [...tenants.namespacesOf(address), ...granted];
      const { pem, expiresAtMs } = await signCredential(kubernetes, csr);
      audit.append({ action: 'credential', subject: userOf(address), result: roleName(role) });
      ctx.body = {
        kubeconfig: userKubeconfig(address, role > 0 ? namespaceOf(address) : granted[0]!, pem, options),
        certificate: pem,
        expires_at_ms: expiresAtMs,
        namespaces,
        role: roleName(role),
      };
    });
  };
}

/** A kubeconfig without the private key, which only the user has: `client-key-data` is for the user to add. */
function userKubeconfig(
  address: string,
  namespace: string,
  certificate: string,
  { apiServer, caPem }: KubeconfigOptions,
): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'daasvader', cluster: { server: apiServer, 'certificate-authority-data': base64(caPem) } },
    ],
    users: [{ name: userOf(address), user: { 'client-certificate-data': base64(certificate) } }],
    contexts: [
      {
        name: 'daasvader',
        context: { cluster: 'daasvader', user: userOf(address), namespace },
      },
    ],
    'current-context': 'daasvader',
  });
}
