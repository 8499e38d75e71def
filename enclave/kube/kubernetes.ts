import type { KubernetesListObject, KubernetesObject, V1APIResourceList } from '@kubernetes/client-node';
import { EnclaveError } from '../error.ts';
import {
  ApiServer,
  type Credential,
  type Impersonated,
  type Reply,
  StatusError,
  type WatchEvent,
} from './api-server.ts';
import type { Replay } from './replay.ts';

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

/** Where objects of a kind are found. */
interface Resource {
  readonly plural: string;
  readonly isNamespaced: boolean;
}

/** The enclave's own access to the API server, as cluster administrator. It never leaves the process. Every call ends in time. */
export class Kubernetes {
  readonly #server: ApiServer;
  readonly #resources = new Map<string, Promise<ReadonlyMap<string, Resource>>>();

  /** @param url and credential as of {@link ApiServer} */
  constructor(url: string, credential: () => Credential) {
    this.#server = new ApiServer(url, credential);
  }

  /** Server-side apply: creates the object or makes it what it should be. Safe to repeat. */
  async apply<T extends KubernetesObject>(object: T): Promise<T> {
    const answer = await this.#server.send('PATCH', await this.#pathOf(object as ObjectRef), {
      query: { fieldManager: FIELD_MANAGER, force: 'true' },
      contentType: 'application/apply-patch+yaml', // JSON is YAML
      body: object,
    });
    return JSON.parse(answer);
  }

  /** The object as it is, or undefined when there is none. */
  async read<T extends KubernetesObject>(ref: ObjectRef): Promise<T | undefined> {
    return orAbsent(this.get<T>(await this.#pathOf(ref)));
  }

  /**
   * Deletes the object and what belongs to it. Safe to repeat: its absence is the goal.
   *
   * @param uid deletes this one and no other that has taken its name
   */
  async delete(ref: ObjectRef, uid?: string): Promise<void> {
    const body = { propagationPolicy: 'Background', ...(uid !== undefined && { preconditions: { uid } }) };
    try {
      await orAbsent(this.#server.send('DELETE', await this.#pathOf(ref), { body }));
    } catch (error) {
      if (uid === undefined || statusOf(error) !== 409) throw error;
    }
  }

  /** What is under a path, or undefined when there is nothing. */
  find<T extends KubernetesObject>(path: string): Promise<T | undefined> {
    return orAbsent(this.get<T>(path));
  }

  /** Deletes the object under a path, with what belongs to it, if it is still this one. */
  async remove(path: string, uid: string): Promise<void> {
    const body = { propagationPolicy: 'Background', preconditions: { uid } };
    try {
      await orAbsent(this.#server.send('DELETE', path, { body }));
    } catch (error) {
      if (statusOf(error) !== 409) throw error; // another has taken its name
    }
  }

  /** Asks for what somebody else wants, in their name; a refusal is an answer too. */
  replay({ method, path, query, contentType, body }: Replay, as: Impersonated): Promise<Reply> {
    return this.#server.replay(method as 'POST', path, {
      ...{ query, as },
      ...(body && { body, contentType }),
    });
  }

  /** Deletes every object under the path of a list. */
  async deleteAll(path: string): Promise<void> {
    await orAbsent(this.#server.send('DELETE', path, { body: { propagationPolicy: 'Background' } }));
  }

  /** Changes what a patch names of the object under a path and leaves the rest; nothing when there is no such object. */
  async merge(path: string, patch: object): Promise<void> {
    const contentType = 'application/merge-patch+json';
    await orAbsent(this.#server.send('PATCH', path, { contentType, body: patch }));
  }

  /** What Kubernetes says under a path. */
  async get<T>(path: string): Promise<T> {
    return JSON.parse(await this.#server.send('GET', path));
  }

  /** Puts an object under a path, such as of a subresource, if it is still the version that it says. @returns it as stored */
  async replace<T extends KubernetesObject>(path: string, object: T): Promise<T> {
    return JSON.parse(await this.#server.send('PUT', path, { body: object }));
  }

  /** Every object under a path, with the version as of which that is all. */
  async list<T extends KubernetesObject>(path: string, labelSelector?: string): Promise<RawList<T>> {
    const items: T[] = [];
    for (let next: string | undefined; ; ) {
      const query = { limit: `${PAGE}`, labelSelector, continue: next };
      const page: RawList<T> = JSON.parse(await this.#server.send('GET', path, { query }));
      items.push(...page.items);
      next = page.metadata.continue;
      if (!next) return { ...page, items };
    }
  }

  /** What happens under a path after a version, until the server or `signal` ends it. */
  watch<T extends KubernetesObject>(
    path: string,
    from: { resourceVersion: string; labelSelector: string | undefined },
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent<T>> {
    return this.#server.watch(path, from, signal);
  }

  /** Whether the API server says that it serves: what fails while it does fails for another reason. */
  async isReady(): Promise<boolean> {
    try {
      await this.#server.send('GET', '/readyz');
      return true;
    } catch {
      return false; // that there is no answer is the answer
    }
  }

  async #pathOf({ apiVersion, kind, metadata: { name, namespace } }: ObjectRef): Promise<string> {
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const { plural, isNamespaced } = await this.#resourceOf(root, kind);
    if (isNamespaced && !namespace)
      throw new EnclaveError('k3s', `Cannot name the ${kind} ${name}: it has no namespace`);
    return `${root}${isNamespaced ? `/namespaces/${namespace}` : ''}/${plural}/${encodeURIComponent(name)}`;
  }

  async #resourceOf(root: string, kind: string): Promise<Resource> {
    const resource = (await this.#resourcesUnder(root)).get(kind);
    if (resource === undefined) throw new EnclaveError('k3s', `Cannot find the kind ${kind} under ${root}`);
    return resource;
  }

  /**
   * As the server tells it (discovery): asked once for each group and version, of which it has a fixed set, by however
   * many at once; and again when it did not answer.
   */
  #resourcesUnder(root: string): Promise<ReadonlyMap<string, Resource>> {
    const known = this.#resources.get(root);
    if (known !== undefined) return known;
    const told = this.#discover(root);
    this.#resources.set(root, told);
    told.catch(() => this.#resources.delete(root));
    return told;
  }

  async #discover(root: string): Promise<ReadonlyMap<string, Resource>> {
    const { resources } = await this.get<V1APIResourceList>(root);
    return new Map(
      resources
        .filter(({ name }) => !name.includes('/')) // subresources have kinds too
        .map(({ kind, name, namespaced }) => [kind, { plural: name, isNamespaced: namespaced }]),
    );
  }
}

/** The answer, or undefined when Kubernetes says that the object does not exist; every other error stays one. */
async function orAbsent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** The HTTP status of Kubernetes's refusal, if the error is one. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof StatusError ? error.status : undefined;
}

/** What Kubernetes itself said about an error, for a log line or the chain; of the network's the cause, which says more. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof TypeError && error.cause
    ? `${error.message}: ${reasonOf(error.cause)}`
    : error.message;
}
