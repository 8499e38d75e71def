import { BoundedKubeConfig } from '@daasvader/verifier/kube-config.ts';
import {
  ApiException,
  CertificatesV1Api,
  CoreV1Api,
  HttpMethod,
  IsomorphicFetchHttpLibrary,
  type KubeConfig,
  type KubernetesListObject,
  type KubernetesObject,
  KubernetesObjectApi,
  PatchStrategy,
  RequestContext,
} from '@kubernetes/client-node';

/** Owner of the fields that the enclave applies. */
const FIELD_MANAGER = 'daasvader';
/** Objects in one answer to a list. */
const PAGE = 500;

/** What identifies an object. */
export interface ObjectRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** A page of a list in Kubernetes's own words. */
interface RawList<T extends KubernetesObject> extends KubernetesListObject<T> {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
}

/** The enclave's own access to the API server, as cluster administrator. It never leaves the process. Every call ends in time. */
export class Kubernetes {
  readonly config: KubeConfig;
  readonly core: CoreV1Api;
  readonly certificates: CertificatesV1Api;
  readonly #objects: KubernetesObjectApi;
  readonly #http = new IsomorphicFetchHttpLibrary();

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
   * Deletes the object and what belongs to it. Safe to repeat: its absence is the goal.
   *
   * @param uid deletes this one and no other that has taken its name
   */
  async delete(ref: ObjectRef, uid?: string): Promise<void> {
    const options = { propagationPolicy: 'Background', ...(uid !== undefined && { preconditions: { uid } }) };
    const none = undefined;
    try {
      await orAbsent(this.#objects.delete(ref, none, none, none, none, none, options));
    } catch (error) {
      if (uid === undefined || statusOf(error) !== 409) throw error;
    }
  }

  /** Every object under a path, as Kubernetes tells it, with the version as of which that is all. */
  async list<T extends KubernetesObject>(
    path: string,
    labelSelector?: string,
  ): Promise<KubernetesListObject<T>> {
    const query = new URLSearchParams({
      limit: `${PAGE}`,
      ...(labelSelector !== undefined && { labelSelector }),
    });
    const items: T[] = [];
    for (;;) {
      const page = JSON.parse(await this.#get(`${path}?${query}`)) as RawList<T>;
      items.push(...page.items);
      const { continue: next } = page.metadata;
      if (!next) return { ...page, items };
      query.set('continue', next);
    }
  }

  /** Whether the API server says that it serves: what fails while it does fails for another reason. */
  async isReady(): Promise<boolean> {
    try {
      await this.#get('/readyz');
      return true;
    } catch {
      return false; // that there is no answer is the answer
    }
  }

  async #get(path: string): Promise<string> {
    const { server } = this.config.getCurrentCluster() ?? {};
    const context = new RequestContext(`${server}${path}`, HttpMethod.GET);
    await this.config.applySecurityAuthentication(context);
    const response = await this.#http.send(context).toPromise();
    const body = await response.body.text();
    if (response.httpStatusCode !== 200)
      throw new ApiException(response.httpStatusCode, path, body, response.headers);
    return body;
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

/** What Kubernetes itself said about an error, for a log line or the chain. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof ApiException)) return textOf(error);
  try {
    const { message } = typeof error.body === 'string' ? JSON.parse(error.body) : error.body;
    if (typeof message === 'string') return message;
  } catch {
    // Not a Status object: the HTTP status has to do.
  }
  return `Kubernetes answered ${error.code}`;
}

/** An error of the network's, whose message says less than its cause. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof TypeError && error.cause
    ? `${error.message}: ${textOf(error.cause)}`
    : error.message;
}
