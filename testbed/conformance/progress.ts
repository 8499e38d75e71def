import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** As the suite posts it; its processes count apart, so that only the whole run's total and the message count. */
interface Update {
  readonly msg: string;
  readonly total: number;
}

/** Hears from the suite of each spec that is done. */
export class Progress implements AsyncDisposable {
  readonly #server: Server;
  readonly #tell: (line: string) => void;
  #total = 0;
  #done = 0;

  private constructor(tell: (line: string) => void) {
    this.#tell = tell;
    this.#server = createServer(async (request, response) => {
      this.#hear((await json(request)) as Update);
      response.end();
    });
  }

  /** Listens on loopback, where the suite runs. */
  static async start(tell: (line: string) => void): Promise<Progress> {
    const progress = new Progress(tell);
    await once(progress.#server.listen(0, '127.0.0.1'), 'listening');
    return progress;
  }

  /** For the suite's `--progress-report-url`. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #hear({ msg, total }: Update): void {
    this.#total = Math.max(this.#total, total);
    if (!/^(PASSED|FAILED) /.test(msg)) return;
    this.#done += 1;
    this.#tell(`${this.#done} of ${this.#total}  ${msg}`);
  }
}
