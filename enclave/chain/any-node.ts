import { SuiGrpcClient } from '@mysten/sui/grpc';

/** Several full nodes as one: what one cannot be asked, the next one is. */
export class AnyNode {
  readonly client: SuiGrpcClient;
  readonly #urls: readonly string[];
  readonly #fetch: typeof globalThis.fetch;
  #current = 0;

  /**
   * @param urls at least one, most preferred first
   * @param fetch gives up on a silent one by itself
   */
  constructor(network: string, urls: readonly string[], fetch: typeof globalThis.fetch) {
    this.#urls = urls.map((url) => url.replace(/\/+$/, ''));
    this.#fetch = fetch;
    const baseUrl = this.#urls[0]!;
    const forward = (input: RequestInfo | URL, init?: RequestInit) =>
      this.#ask(`${input instanceof Request ? input.url : input}`.slice(baseUrl.length), init);
    this.client = new SuiGrpcClient({ network, baseUrl, format: 'binary', fetch: forward });
  }

  /** Prefers the next one from now on. */
  readonly next = (): void => {
    this.#current = (this.#current + 1) % this.#urls.length;
  };

  async #ask(path: string, init?: RequestInit): Promise<Response> {
    for (let left = this.#urls.length; ; left -= 1) {
      try {
        const response = await this.#fetch(this.#urls[this.#current] + path, init);
        if (response.status < 500 || left === 1) return response;
        await response.body?.cancel();
      } catch (error) {
        if (left === 1 || init?.signal?.aborted) throw error;
      }
      this.next();
    }
  }
}
