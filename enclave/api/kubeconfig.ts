import { ROUTE } from '@daasvader/verifier/routes.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';
import { z } from 'zod';
import type { Audit } from '../audit/audit.ts';
import type { ClusterState } from '../chain/cluster-state.ts';
import { EnclaveError } from '../error.ts';
import { type CredentialProofs, signCredential } from '../kube/credential.ts';
import { roleName } from '../kube/names.ts';
import { NotYet } from '../kube/retry.ts';
import type { CertificateSigner } from '../kube/signer.ts';
import type { Tenants } from '../kube/tenants.ts';
import { readJson } from './body.ts';
import { HttpProblem } from './problem.ts';
import type { Routes } from './server.ts';

const body = z.strictObject({
  address: z.string().regex(/^0x[0-9a-f]{64}$/, 'must be a full Sui address'),
  public_key: z.string().max(130),
  timestamp_ms: z.int(),
  signature: z.string().max(4_096),
});

/** What issuing credentials needs. */
export interface KubeconfigOptions {
  readonly signer: CertificateSigner;
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
  const { signer, tenants, proofs, state, audit, caPem, apiServer, assertFresh } = options;
  return (router) => {
    router.post(ROUTE.kubeconfig, async (ctx) => {
      const { address, public_key, timestamp_ms, signature } = body.parse(await readJson(ctx));
      assertFresh();
      const claim = { address, publicKey: public_key, timestampMs: timestamp_ms };
      await proofs.check({ ...claim, signature });
      const role = state.roles.roleOf(address);
      const granted = state.roles.grantsTo(address).map(({ namespace }) => namespace);
      if (role > 0) await openNamespace(tenants, address);
      else if (granted.length === 0)
        throw new EnclaveError('credential', 'Cannot issue a credential: stake first, or ask for a role');
      const { pem, expiresAtMs } = await signCredential(signer, claim);
      audit.append({ action: 'credential', subject: address, result: roleName(role) });
      ctx.body = {
        api_server: apiServer,
        ca_cert: Buffer.from(caPem).toString('base64'),
        certificate: pem,
        expires_at_ms: expiresAtMs,
        namespace: role > 0 ? namespaceOf(address) : granted[0],
        namespaces: [...tenants.namespacesOf(address), ...granted],
        role: roleName(role),
      };
    });
  };
}

/** @throws {HttpProblem} while the former namespace of that name has not gone */
async function openNamespace(tenants: Tenants, address: string): Promise<void> {
  try {
    await tenants.ensure(address);
  } catch (cause) {
    if (!(cause instanceof NotYet)) throw cause;
    throw new HttpProblem(503, 'k3s', `${cause.message}; ask again in a moment`, { cause });
  }
}
