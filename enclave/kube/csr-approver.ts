import { setTimeout as sleep } from 'node:timers/promises';
import type { V1CertificateSigningRequest } from '@kubernetes/client-node';
import type { Audit } from '../audit/audit.ts';
import { EnclaveError } from '../error.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { type Decision, decideCsr, type NodeAdmission } from './csr.ts';
import { type Kubernetes, reasonOf, statusOf } from './kubernetes.ts';
import type { CertificateSigner } from './signer.ts';
import { watchObjects } from './watch.ts';

const CSR_PATH = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const RETRY_MS = 1_000;

/** Who signs for nodes: what they show to the API server, and what they show it as kubelets. */
export type NodeSigners = Readonly<Record<'client' | 'server', CertificateSigner>>;

/** What approving needs. */
export interface CsrApproverOptions {
  readonly kubernetes: Kubernetes;
  readonly admission: NodeAdmission;
  readonly signers: NodeSigners;
  /** Throws while the chain's word, by which nodes are judged, is too old to trust. */
  readonly assertFresh: () => void;
  readonly audit: Audit;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** Decides and signs each signing request of a node once, until `signal` fires. Nobody else in the cluster does either. */
export async function approveCsrs(options: CsrApproverOptions, signal: AbortSignal): Promise<void> {
  const pending = new CsrDecisions(options, signal);
  await watchObjects<V1CertificateSigningRequest>(options.kubernetes, {
    path: CSR_PATH,
    log: options.log,
    signal,
    onObject: (csr, phase) => {
      if (phase !== 'present') return pending.forget(csr);
      pending.decide(csr).catch((error) => options.log.error({ error: reasonOf(error) }, 'csr: not decided'));
    },
  });
}

/** The requests that wait for a decision, each tried until it has one. */
export class CsrDecisions {
  readonly #options: CsrApproverOptions;
  readonly #signal: AbortSignal;
  readonly #undecided = new Set<string>();

  constructor(options: CsrApproverOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  /** Decides a request, unless it is decided or being decided already; resolves when that is done. */
  async decide(csr: V1CertificateSigningRequest): Promise<void> {
    const uid = csr.metadata?.uid ?? '';
    if (isSettled(csr) || this.#undecided.has(uid)) return;
    this.#undecided.add(uid);
    while (this.#undecided.has(uid) && !this.#signal.aborted) {
      if (await this.#try(csr)) this.#undecided.delete(uid);
      else await sleep(RETRY_MS, undefined, { signal: this.#signal }).catch(() => undefined);
    }
  }

  /** Gives up a request that was deleted. */
  forget(csr: V1CertificateSigningRequest): void {
    this.#undecided.delete(csr.metadata?.uid ?? '');
  }

  async #try(csr: V1CertificateSigningRequest): Promise<boolean> {
    const { kubernetes, admission, signers, assertFresh, log } = this.#options;
    try {
      const decision = decideCsr(csr, admission);
      if (decision.verdict === 'ignore') return true;
      // It stays pending while nobody may be let in: the node asked for nothing wrong.
      assertFresh();
      await answer(kubernetes, csr, decision, signers);
      this.#record(csr, decision);
      return true;
    } catch (error) {
      // Deletions that fell into an interruption of the watch show here.
      if (statusOf(error) === 404 || (error instanceof EnclaveError && error.code === 'k3s')) return true;
      log.warn({ csr: csr.metadata?.name, error: reasonOf(error) }, 'csr: not decided yet, trying again');
      return false;
    }
  }

  #record(csr: V1CertificateSigningRequest, decision: Decision): void {
    const { audit, metrics, log } = this.#options;
    const { verdict, reason } = decision;
    metrics.csrs.inc({ verdict });
    log.info({ csr: csr.metadata?.name, verdict, reason }, `csr: ${verdict}`);
    audit.append({
      action: `csr ${verdict}`,
      subject: csr.spec.username ?? 'unknown',
      result: reason,
    });
  }
}

/**
 * Writes the decision into the request, and the certificate beside it. Doing it again does what is still to do.
 *
 * @throws {EnclaveError} `k3s` when another request has taken the name
 */
export async function answer(
  kubernetes: Pick<Kubernetes, 'get' | 'replace'>,
  csr: V1CertificateSigningRequest,
  decision: Decision,
  signers: NodeSigners,
): Promise<void> {
  const name = csr.metadata?.name ?? '';
  // Read again: what the watch told may be old, and Kubernetes takes an answer to the newest version only.
  const current = await kubernetes.get<V1CertificateSigningRequest>(`${CSR_PATH}/${name}`);
  if (current.metadata?.uid !== csr.metadata?.uid)
    throw new EnclaveError(
      'k3s',
      `Cannot answer the signing request ${name}: another one has taken its name`,
    );
  if (isSettled(current)) return;
  const approved = current.status?.conditions?.length ? current : await judge(kubernetes, current, decision);
  if (decision.verdict !== 'approve') return;
  const { pem } = await signers[decision.leaf.purpose].sign(decision.leaf);
  const status = { ...approved.status, certificate: Buffer.from(pem).toString('base64') };
  await kubernetes.replace(`${CSR_PATH}/${name}/status`, { ...approved, status });
}

/** Whether nothing is left to do for a request: it has its certificate, or never gets one. */
function isSettled({ status }: V1CertificateSigningRequest): boolean {
  return Boolean(status?.certificate) || (status?.conditions ?? []).some(({ type }) => type !== 'Approved');
}

function judge(
  kubernetes: Pick<Kubernetes, 'get' | 'replace'>,
  csr: V1CertificateSigningRequest,
  { verdict, reason }: Decision,
): Promise<V1CertificateSigningRequest> {
  const condition = {
    type: verdict === 'approve' ? 'Approved' : 'Denied',
    status: 'True',
    reason: 'DaasVader',
    message: reason,
    lastUpdateTime: new Date(),
  };
  const body = { ...csr, status: { ...csr.status, conditions: [condition] } };
  return kubernetes.replace(`${CSR_PATH}/${csr.metadata?.name}/approval`, body);
}
