import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A headless Chromium with one page, driven over its DevTools protocol. */
export class Chromium {
  /** What the page's console said, errors of the page and of its policy among it. */
  readonly console: string[] = [];
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (message: { result?: object; error?: object }) => void>();
  #session: string | undefined;
  #lastId = 0;

  private constructor(process: ChildProcess, profile: string, socket: WebSocket) {
    this.#process = process;
    this.#profile = profile;
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#receive(JSON.parse(String(data))));
  }

  /** Starts one. Certificates are not checked: an enclave's is its own, and its key is what is attested. */
  static async start(): Promise<Chromium> {
    const profile = await mkdtemp(join(tmpdir(), 'chromium-'));
    const options = ['--headless', '--no-sandbox', '--disable-gpu', '--ignore-certificate-errors'];
    const files = [`--user-data-dir=${profile}`, '--remote-debugging-port=0', 'about:blank'];
    const process = spawn('chromium', [...options, ...files], { stdio: ['ignore', 'ignore', 'pipe'] });
    const spawned = once(process, 'spawn').catch((cause) => {
      throw new Error('Cannot start chromium: is the Debian package installed? scripts/setup does it', {
        cause,
      });
    });
    await spawned;
    const socket = new WebSocket(await addressOf(process));
    await once(socket, 'open');
    const chromium = new Chromium(process, profile, socket);
    await chromium.#attach();
    return chromium;
  }

  /** Opens a page and waits until it is loaded. */
  async open(url: string): Promise<void> {
    await this.#send('Page.navigate', { url });
    await this.until(`document.readyState === 'complete' && location.href !== 'about:blank'`);
  }

  /** The value of an expression in the page. */
  async evaluate<T>(expression: string): Promise<T> {
    const asked = { expression, returnByValue: true, awaitPromise: true };
    const { result, exceptionDetails } = await this.#send<Evaluated>('Runtime.evaluate', asked);
    if (exceptionDetails !== undefined) throw new Error(`In the page: ${JSON.stringify(exceptionDetails)}`);
    return result.value as T;
  }

  /** Waits until an expression in the page is true. */
  async until(expression: string): Promise<void> {
    for (let tries = 0; tries < 300; tries++) {
      if (await this.evaluate<boolean>(expression)) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`Waited 30 s for ${expression}; console: ${this.console.join('\n')}`);
  }

  /** Leaves a picture of the page as PNG. */
  async screenshot(path: string, width: number, height: number): Promise<void> {
    await this.#send('Emulation.setDeviceMetricsOverride', {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: false,
    });
    const { data } = await this.#send<{ data: string }>('Page.captureScreenshot', { format: 'png' });
    await writeFile(path, Buffer.from(data, 'base64'));
  }

  async close(): Promise<void> {
    this.#socket.close();
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exited;
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 10 });
  }

  async #attach(): Promise<void> {
    const { targetInfos } = await this.#send<{ targetInfos: { type: string; targetId: string }[] }>(
      'Target.getTargets',
    );
    const { targetId } = targetInfos.find(({ type }) => type === 'page')!;
    const { sessionId } = await this.#send<{ sessionId: string }>('Target.attachToTarget', {
      targetId,
      flatten: true,
    });
    this.#session = sessionId;
    for (const domain of ['Page', 'Runtime', 'Log']) await this.#send(`${domain}.enable`);
  }

  async #send<T = object>(method: string, params: object = {}): Promise<T> {
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<{ result?: object; error?: object }>();
    this.#waiting.set(id, resolve);
    this.#socket.send(JSON.stringify({ id, method, params, sessionId: this.#session }));
    const { result, error } = await promise;
    if (error !== undefined) throw new Error(`Chromium refuses ${method}: ${JSON.stringify(error)}`);
    return result as T;
  }

  #receive(message: {
    id?: number;
    method?: string;
    params?: { entry?: { text: string }; args?: object[] };
  }): void {
    if (message.id !== undefined) this.#waiting.get(message.id)?.(message as object);
    if (message.method === 'Log.entryAdded') this.console.push(message.params!.entry!.text);
    if (message.method === 'Runtime.exceptionThrown' || message.method === 'Runtime.consoleAPICalled')
      this.console.push(JSON.stringify(message.params));
  }
}

interface Evaluated {
  result: { value: unknown };
  exceptionDetails?: object;
}

async function addressOf({ stderr }: ChildProcess): Promise<string> {
  const said: string[] = [];
  for await (const line of createInterface({ input: stderr! })) {
    const address = /^DevTools listening on (ws:\S+)/.exec(line)?.[1];
    if (address !== undefined) {
      stderr!.resume();
      return address;
    }
    said.push(line);
  }
  throw new Error(`Chromium ended without listening:\n${said.join('\n')}`);
}
