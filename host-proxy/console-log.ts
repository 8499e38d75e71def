import { type FileHandle, open, rename } from 'node:fs/promises';
import type { ConnectionHandler } from '@daasvader/vsock/vsock.ts';
import type { Logger } from 'pino';

const DEFAULT_MAX_BYTES = 64 << 20;

/** Everything that the enclave prints, in a file; when it is full it becomes `<file>.1` and a new one begins. */
export class ConsoleLog {
  readonly #path: string;
  readonly #maxBytes: number;
  #file: FileHandle;
  #size: number;
  #queue: Promise<void> = Promise.resolve();

  private constructor(path: string, maxBytes: number, file: FileHandle, size: number) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#file = file;
    this.#size = size;
  }

  static async open(path: string, maxBytes = DEFAULT_MAX_BYTES): Promise<ConsoleLog> {
    const file = await open(path, 'a', 0o600);
    return new ConsoleLog(path, maxBytes, file, (await file.stat()).size);
  }

  /** Takes what one connection of the enclave prints; reads no faster than the disk writes. */
  handler(log: Logger): ConnectionHandler {
    return async (socket) => {
      try {
        for await (const chunk of socket) await this.write(chunk);
      } catch (error) {
        log.warn({ err: error }, 'console connection was cut');
      } finally {
        socket.destroy();
      }
    };
  }

  /** Appends in the order of the calls. */
  write(chunk: Buffer): Promise<void> {
    const done = this.#queue.then(() => this.#append(chunk));
    this.#queue = done.catch(() => {}); // the caller of the failed write hears of it; the next one tries again
    return done;
  }

  async close(): Promise<void> {
    await this.#queue;
    await this.#file.close();
  }

  async #append(chunk: Buffer): Promise<void> {
    if (this.#size > 0 && this.#size + chunk.length > this.#maxBytes) await this.#rotate();
    await this.#file.appendFile(chunk);
    this.#size += chunk.length;
  }

  async #rotate(): Promise<void> {
    await rename(this.#path, `${this.#path}.1`);
    const full = this.#file;
    this.#file = await open(this.#path, 'a', 0o600);
    this.#size = 0;
    await full.close();
  }
}
