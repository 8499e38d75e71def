import { KubeConfig, type RequestContext } from '@kubernetes/client-node';

/** How long one answer of an API server may take; watches are not made with it. */
const ANSWER_MS = 15_000;

/** A kubeconfig whose clients wait for no answer for ever: each request has a deadline, and can be called off. */
export class BoundedKubeConfig extends KubeConfig {
  readonly #answerMs: number;
  readonly #signal: AbortSignal | undefined;

  /**
   * @param file a kubeconfig
   * @param signal calls off whatever is being asked
   * @throws when the file cannot be read
   */
  constructor(file: string, { signal, answerMs = ANSWER_MS }: BoundedKubeConfigOptions = {}) {
    super();
    this.loadFromFile(file);
    this.#signal = signal;
    this.#answerMs = answerMs;
  }

  /** Called by every client for each of its requests. */
  override async applySecurityAuthentication(context: RequestContext): Promise<void> {
    await super.applySecurityAuthentication(context);
    const late = AbortSignal.timeout(this.#answerMs);
    context.setSignal(this.#signal === undefined ? late : AbortSignal.any([late, this.#signal]));
  }
}

/** See {@link BoundedKubeConfig}. */
export interface BoundedKubeConfigOptions {
  signal?: AbortSignal | undefined;
  /** ms for one answer; 15,000 unless given. */
  answerMs?: number;
}
