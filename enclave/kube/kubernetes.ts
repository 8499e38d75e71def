import { BoundedKubeConfig } from '@daasvader/control-plane/kube-config.ts';
import {
  ApiException,
  CertificatesV1Api,
  CoreV1Api,
  type KubeConfig,
  type KubernetesObject,
  KubernetesObjectApi,
  PatchStrategy,
} from '@kubernetes/client-node';

/** Owner of the fields that the enclave applies. */
const FIELD_MANAGER = 'daasvader';

/** What identifies an object. */
export interface ObjectRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** The enclave's own access to the API server, as cluster administrator. It never leaves the process. */
export class Kubernetes {
  readonly config: KubeConfig;
  readonly core: CoreV1Api;
  readonly certificates: CertificatesV1Api;
  readonly #objects: KubernetesObjectApi;

  constructor(kubeconfigFile: string) {
    this.config = new BoundedKubeConfig(kubeconfigFile);
    this.core = this.config.makeApiClient(CoreV1Api);
    this.certificates = this.config.makeApiClient(CertificatesV1Api);
    this.#objects = KubernetesObjectApi.makeApiClient(this.config);
  }

  /** Server-side apply: creates the object or makes it what it should be. Safe to repeat. */
  apply<T extends KubernetesObject>(object: T): Promise<T> {
    return this.#objects.patch(
      object,
      undefined,
      undefined,
      FIELD_MANAGER,
      true,
      PatchStrategy.ServerSideApply,
    );
  }

  /** The object as it is, or undefined when there is none. */
  read<T extends KubernetesObject>(ref: ObjectRef): Promise<T | undefined> {
    return orAbsent(this.#objects.read(ref as Parameters<KubernetesObjectApi['read']>[0]) as Promise<T>);
  }

  /**
   * Whether the datastore holds this very object, by its uid, and not merely an answer that said so. Its absence may also
   * mean that somebody has deleted it since.
   */
  async confirm(object: KubernetesObject): Promise<boolean> {
    const kept = await this.read(object as ObjectRef);
    return kept !== undefined && kept.metadata?.uid === object.metadata?.uid;
  }

  /** Deletes the object and what belongs to it. Safe to repeat: its absence is the goal. */
  async delete(ref: ObjectRef): Promise<void> {
    await orAbsent(this.#objects.delete(ref, undefined, undefined, undefined, undefined, 'Background'));
  }
}

/** The answer, or undefined when Kubernetes says that the object does not exist; every other error stays one. */
export async function orAbsent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** The HTTP status of an error of the Kubernetes client, if it is one. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof ApiException ? error.code : undefined;
}

/** What Kubernetes itself said about an error, short enough for a log line or the chain. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof ApiException)) return error instanceof Error ? error.message : String(error);
  try {
    const { message } = typeof error.body === 'string' ? JSON.parse(error.body) : error.body;
    if (typeof message === 'string') return message;
  } catch {
    // Not a Status object: the HTTP status has to do.
  }
  return `Kubernetes answered ${error.code}`;
}
