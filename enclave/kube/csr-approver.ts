import type { V1CertificateSigningRequest } from '@kubernetes/client-node';
import type { Audit } from '../audit/audit.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { type Decision, decideCsr, type NodeAdmission } from './csr.ts';
import { type Kubernetes, reasonOf } from './kubernetes.ts';
import { watchObjects } from './watch.ts';

const CSR_PATH = '/apis/certificates.k8s.io/v1/certificatesigningrequests';

/** What approving needs. */
export interface CsrApproverOptions {
  readonly kubernetes: Kubernetes;
  readonly admission: NodeAdmission;
  readonly audit: Audit;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** Decides each signing request of a node once, until `signal` fires. Nobody else in the cluster approves any. */
export async function approveCsrs(options: CsrApproverOptions, signal: AbortSignal): Promise<void> {
  const onObject = (csr: V1CertificateSigningRequest) => {
    if (csr.status?.conditions?.length) return;
    decide(csr, options).catch((error: unknown) => {
      // It stays undecided; the next interruption of the watch brings it again.
      options.log.warn({ csr: csr.metadata?.name, error: reasonOf(error) }, 'csr: cannot be decided');
    });
  };
  await watchObjects(options.kubernetes, { path: CSR_PATH, log: options.log, signal, onObject });
}

async function decide(csr: V1CertificateSigningRequest, options: CsrApproverOptions): Promise<void> {
  const { kubernetes, admission, audit, metrics, log } = options;
  const decision = await decideCsr(csr, admission);
  if (decision.verdict === 'ignore') return;
  metrics.csrs.inc({ verdict: decision.verdict });
  log.info({ csr: csr.metadata?.name, ...decision }, `csr: ${decision.verdict}`);
  audit.append({
    action: `csr ${decision.verdict}`,
    subject: csr.spec.username ?? 'unknown',
    result: decision.reason,
  });
  await answer(kubernetes, csr, decision);
}

/** Writes the decision into the request, where the signer looks for it. */
export async function answer(
  kubernetes: Kubernetes,
  csr: V1CertificateSigningRequest,
  { verdict, reason }: Decision,
): Promise<void> {
  const condition = {
    type: verdict === 'approve' ? 'Approved' : 'Denied',
    status: 'True',
    reason: 'DaasVader',
    message: reason,
    lastUpdateTime: new Date(),
  };
  const name = csr.metadata?.name ?? '';
  // Read again, because a watch tells times as text, which the client cannot send back.
  const current = await kubernetes.certificates.readCertificateSigningRequest({ name });
  const body = { ...current, status: { ...current.status, conditions: [condition] } };
  await kubernetes.certificates.replaceCertificateSigningRequestApproval({ name, body });
}
