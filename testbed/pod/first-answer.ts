import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/*
 * Tries to connect until somebody answers, and prints when that was, ms since 1970.
 *
 *   node first-answer.ts HOST PORT TIMEOUT_MS
 */

/** A packet that is lost is not waited for: the kernel would send it again only after a second. */
const PATIENCE_MS = 200;
const POLL_MS = 10;

if (import.meta.main) {
  const [host = '', port = '', timeoutMs = ''] = process.argv.slice(2);
  const deadline = Date.now() + Number(timeoutMs);
  process.stdout.write('tries\n');
  while (!(await answers(host, Number(port)))) {
    if (Date.now() > deadline) throw new Error(`Cannot connect to ${host}:${port}: nobody answers`);
    await sleep(POLL_MS);
  }
  process.stdout.write(`${Date.now()}\n`);
}

async function answers(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(PATIENCE_MS) });
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
