import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Worker } from '../cluster/worker.ts';
import { runInVm, spawnInVm } from '../vm/vm.ts';
import type { Probe } from './probe.ts';

const START_TIMEOUT_MS = 10_000;
const NODE = [process.execPath, '--disable-warning=ExperimentalWarning'];

/** A program that runs in the network of a pod, and ends with {@link InPod.stop}, with us, or with the machine. */
export interface InPod {
  readonly child: ChildProcess;
  /** What it has printed. */
  readonly output: () => string;
  stop(): Promise<void>;
}

/** The last number that a stream has said and heard. */
export function progressOf(stream: InPod): { said: number; heard: number } {
  const last = (word: string) =>
    Number(stream.output().match(new RegExp(`.*${word} (\\d+)\n`, 's'))?.[1] ?? 0);
  return { said: last('said'), heard: last('heard') };
}

/**
 * The network of a pod, from the inside. Programs of the test bed run there as root of the machine, in place of an image that
 * has them: what they send is what the pod sends.
 */
export class PodNetwork {
  readonly #worker: Worker;
  readonly #pid: string;

  private constructor(worker: Worker, pid: string) {
    this.#worker = worker;
    this.#pid = pid;
  }

  /**
   * @param containerId of a running container of the pod, as its status has it
   * @throws Error when it does not run on that worker
   */
  static async enter(worker: Worker, containerId: string): Promise<PodNetwork> {
    const task = await worker.task(containerId.replace('containerd://', ''));
    const [, pid = '', state] = task.split(/ +/);
    if (state !== 'RUNNING')
      throw new Error(`Cannot enter the network of a pod on ${worker.vm.name}: ${task}`);
    return new PodNetwork(worker, pid);
  }

  /** Runs a program to its end and gives what it printed. */
  run(argv: readonly string[]): Promise<string> {
    return runInVm(this.#worker.vm, [...this.#enter, ...argv]);
  }

  /** Tries all of these at once, and says what came of each. */
  async probe(...probes: Probe[]): Promise<string[]> {
    const program = join(import.meta.dirname, 'probe.ts');
    return JSON.parse(await this.run([...NODE, program, JSON.stringify(probes)]));
  }

  /** Starts `server.ts` under a name, and resolves when it listens. */
  serve(name: string): Promise<InPod> {
    return this.#start('server.ts', name);
  }

  /** Starts `stream.ts`, and resolves when it is connected. */
  stream(host: string, port: number): Promise<InPod> {
    return this.#start('stream.ts', host, `${port}`);
  }

  /** Starts `first-answer.ts`; what it found is ms since 1970. */
  async firstAnswer(host: string, port: number, timeoutMs: number): Promise<{ ended: Promise<number> }> {
    const trying = await this.#start('first-answer.ts', host, `${port}`, `${timeoutMs}`);
    const ended = once(trying.child, 'close').then(() => {
      const [found] = /^\d+$/m.exec(trying.output()) ?? [];
      if (found === undefined)
        throw new Error(`Cannot reach ${host}:${port} from a pod on ${this.#worker.vm.name}`);
      return Number(found);
    });
    return { ended };
  }

  async #start(program: string, ...args: string[]): Promise<InPod> {
    const argv = [...this.#enter, ...NODE, join(import.meta.dirname, program), ...args];
    const child = await spawnInVm(this.#worker.vm, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    let output = '';
    const stdout = child.stdout as Readable;
    stdout.on('data', (part: Buffer) => {
      output += part.toString();
    });
    const ended = once(child, 'exit').then(() => {
      throw new Error(
        `Cannot start ${program} ${args.join(' ')} in a pod on ${this.#worker.vm.name}: it ended`,
      );
    });
    await Promise.race([once(stdout, 'data', { signal: AbortSignal.timeout(START_TIMEOUT_MS) }), ended]);
    const stop = async () => {
      child.stdin?.end();
      if (child.exitCode === null)
        await once(child, 'exit', { signal: AbortSignal.timeout(START_TIMEOUT_MS) });
    };
    return { child, output: () => output, stop };
  }

  get #enter(): string[] {
    return ['nsenter', `--net=/proc/${this.#pid}/ns/net`, '--'];
  }
}
