import { PassThrough, Readable } from 'node:stream';
import { expect, test } from 'vitest';
import type { Connection } from './connection.ts';
import { runInPod } from './exec.ts';

const KUBERNETES = { server: 'https://127.0.0.1:1', ca: 'ca', certificate: 'c', key: 'k' };
const COMMAND = {
  namespace: 'u-test',
  pod: 'web-1',
  container: undefined,
  command: ['sh', '-c', 'a b'],
  tty: false,
};
const [STDOUT, STDERR, STATUS] = [1, 2, 3];

type Receive = Parameters<Connection['connect']>[2];
type Socket = Awaited<ReturnType<Connection['connect']>>;

/** The other end: what it was asked and sent, and a way to answer. */
class FakePod implements Connection {
  path = '';
  sent = Buffer.alloc(0);
  bufferedAmount = 0;
  protocol = 'v5.channel.k8s.io';
  onclose: (() => void) | undefined;
  isClosed = false;
  readonly #answer: (pod: FakePod) => void;
  #receive: Receive = () => true;

  constructor(answer: (pod: FakePod) => void) {
    this.#answer = answer;
  }

  async connect(path: string, _text: unknown, receive: Receive): Promise<Socket> {
    this.path = path;
    this.#receive = receive;
    setTimeout(() => this.#answer(this), 5);
    return this as unknown as Socket; // of which nothing else is used
  }

  send(bytes: Buffer): void {
    this.sent = Buffer.concat([this.sent, bytes.subarray(1)]);
  }

  close(): void {
    this.isClosed = true;
  }

  says(stream: number, text: string): void {
    this.#receive?.(stream, Buffer.from(text));
  }

  ends(status: object): void {
    this.says(STATUS, JSON.stringify(status));
  }
}

async function run(answer: (pod: FakePod) => void, stdin?: Readable) {
  const pod = new FakePod(answer);
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const outcome = await runInPod(KUBERNETES, COMMAND, { stdin, stdout, stderr }, pod).catch(
    (error: Error) => error,
  );
  return { pod, outcome, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
}

const exitOf = (code: string) => ({
  status: 'Failure',
  reason: 'NonZeroExitCode',
  message: 'command terminated',
  details: { causes: [{ reason: 'ExitCode', message: code }] },
});

test('what it prints is told apart, and its success is 0', async () => {
  const { pod, outcome, stdout, stderr } = await run((it) => {
    it.says(STDOUT, 'out');
    it.says(STDERR, 'err');
    it.ends({ status: 'Success' });
  });
  expect({ outcome, stdout, stderr }).toEqual({ outcome: 0, stdout: 'out', stderr: 'err' });
  expect(pod.path).toMatch(/^\/api\/v1\/namespaces\/u-test\/pods\/web-1\/exec\?.*stdin=false.*command=a%20b/);
  expect(pod.isClosed).toBe(true);
});

test('its exit code is given', async () => {
  expect((await run((it) => it.ends(exitOf('7')))).outcome).toBe(7);
  expect((await run((it) => it.ends(exitOf('137')))).outcome).toBe(137);
});

test.each([
  [
    'a program that is not there',
    (it: FakePod) => it.ends({ status: 'Failure', message: 'no such file' }),
    'no such',
  ],
  ['a code that is none', (it: FakePod) => it.ends(exitOf('-1')), 'command terminated'],
  ['an ending that is none', (it: FakePod) => it.says(STATUS, '[]'), 'how the command ended'],
  ['a connection that ends', (it: FakePod) => it.onclose?.(), 'the connection ended before it'],
])('%s is an error and no exit code', async (_what, answer, why) => {
  const { outcome } = await run(answer);
  expect(outcome).toMatchObject({ code: 'kubernetes', message: expect.stringContaining(why) });
});

test('standard input arrives whole, no faster than it is taken', async () => {
  const text = 'x'.repeat(300_000);
  const { pod, outcome } = await run(
    (it) => {
      it.bufferedAmount = 2 << 20;
      const before = it.sent.length;
      setTimeout(() => {
        expect(it.sent.length - before).toBeLessThan(text.length / 2);
        it.bufferedAmount = 0;
        setTimeout(() => it.ends({ status: 'Success' }), 100);
      }, 50);
    },
    Readable.from([text.slice(0, 10), ...Array.from({ length: 29 }, () => text.slice(0, 10_000))]),
  );
  expect(outcome).toBe(0);
  expect(pod.sent.toString()).toContain('x'.repeat(290_010));
});

test('a server that cannot be reached is told', async () => {
  const streams = { stdin: undefined, stdout: new PassThrough(), stderr: new PassThrough() };
  await expect(runInPod(KUBERNETES, COMMAND, streams)).rejects.toMatchObject({ code: 'kubernetes' });
});
