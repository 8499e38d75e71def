import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { pipeline } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { readParentCid } from '@daasvader/enclave/init/command-line.ts';
import { mountFileSystems } from '@daasvader/enclave/init/file-systems.ts';
import { AfVsock } from '@daasvader/vsock/af-vsock.ts';
import { VsockError } from '@daasvader/vsock/vsock.ts';

// Runs as PID 1 in place of the enclave, and uses its vsock as the host tells it: a line of JSON for each thing to do,
// a line of JSON with what came of it.

const CONTROL_PORT = 5000;
const ECHO_PORT = 5001;
const MIB = 1 << 20;
const STALL_MS = 500;

mountFileSystems();
const parentCid = readParentCid(readFileSync('/proc/cmdline', 'utf8').trim());
const host = new AfVsock(parentCid);

interface Task {
  readonly task: keyof typeof tasks;
  readonly port: number;
  readonly cid?: number;
  readonly bytes?: number;
  readonly count?: number;
}

const tasks = {
  /** Writes it all at once, and gives what was written. */
  send: async ({ port, bytes = 0 }: Task) => {
    const socket = await host.connect(port);
    const data = randomBytes(bytes);
    socket.write(data);
    await once(socket, 'data'); // so the host has it all
    socket.destroy();
    return { sha256: createHash('sha256').update(data).digest('hex') };
  },
  /** Reads so much, and gives what was read. */
  receive: async ({ port, bytes = 0 }: Task) => {
    const hash = createHash('sha256');
    let read = 0;
    for await (const chunk of await host.connect(port)) {
      hash.update(chunk);
      read += chunk.length;
      if (read >= bytes) break;
    }
    return { read, sha256: hash.digest('hex') };
  },
  /** Writes until the host's not reading is felt, and then until it is heard of no more. */
  press: async ({ port }: Task) => {
    const socket = await host.connect(port);
    let taken = 0;
    for (let stalled = false; !stalled; taken += MIB) {
      if (socket.write(Buffer.alloc(MIB))) continue;
      stalled = (await Promise.race([once(socket, 'drain'), sleep(STALL_MS)])) === undefined;
    }
    await once(socket, 'drain');
    socket.destroy();
    return { taken };
  },
  /** Opens connections all at once, and counts those on which a line comes back. */
  crowd: async ({ port, count = 0 }: Task) => {
    const answers = Array.from({ length: count }, async (_, index) => {
      const socket = await host.connect(port);
      socket.write(`${index}\n`);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      socket.destroy();
      return answer.toString() === `${index}\n`;
    });
    return { answered: (await Promise.all(answers)).filter(Boolean).length };
  },
  /** Connects, and says how that failed. */
  dial: async ({ cid = parentCid, port }: Task) => {
    const socket = await new AfVsock(cid).connect(port).catch((error: unknown) => error as VsockError);
    if (socket instanceof VsockError) return { code: socket.code, message: socket.message };
    socket.destroy();
    return {};
  },
  /** Writes for as long as the connection holds. */
  write: async ({ port }: Task) => {
    const socket = await host.connect(port);
    let error: string | undefined;
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      error = code;
    });
    while (!socket.destroyed) {
      if (!socket.write(Buffer.alloc(MIB)))
        await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {});
    }
    return { error };
  },
};

await host.listen(ECHO_PORT, (socket) => void pipeline(socket, socket, () => socket.destroy()));
const control = await host.connect(CONTROL_PORT);
let text = '';
for await (const chunk of control) {
  text += chunk;
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
    const task = JSON.parse(text.slice(0, end)) as Task;
    text = text.slice(end + 1);
    const outcome = await tasks[task.task](task).catch((error: unknown) => ({ failed: String(error) }));
    control.write(`${JSON.stringify(outcome)}\n`);
  }
}
