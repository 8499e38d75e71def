import { printableJson } from '@daasvader/attestation/printable.ts';
import { HOST_PORT } from '@daasvader/vsock/ports.ts';
import type { Vsock } from '@daasvader/vsock/vsock.ts';
import { type Logger, pino } from 'pino';

/** Lines kept while the host does not listen; older ones are lost first, the process never waits for its log. */
const MAX_BACKLOG = 1_000;
const RECONNECT_MS = 1_000;

export type { Logger };

/** A logger to standard output, which only a debug console shows, and to the host's log port, which outlives us. */
export function createLog(vsock: Vsock): Logger {
  const host = forwardTo(vsock);
  const write = (line: string) => {
    // It quotes what strangers wrote, and a person reads it on a terminal.
    const shown = printableJson(line);
    process.stdout.write(shown);
    host.write(shown);
  };
  return pino({ base: undefined, timestamp: pino.stdTimeFunctions.isoTime }, { write });
}

function forwardTo(vsock: Vsock): { write(line: string): void } {
  const backlog: string[] = [];
  let send: ((line: string) => void) | undefined;
  const connect = async () => {
    const socket = await vsock.connect(HOST_PORT.console);
    // The host can listen badly; what it does not take is dropped when the socket has buffered enough.
    socket
      .on('error', () => socket.destroy())
      .once('end', () => socket.destroy()) // the host has cut it off: what is written would wait for ever
      .once('close', reconnect)
      .resume();
    send = (line) => void (socket.writableNeedDrain || socket.write(line));
    for (const line of backlog.splice(0)) send(line);
  };
  // While nobody listens, standard output has the lines.
  const attempt = () => {
    connect().catch(reconnect);
  };
  const reconnect = () => {
    send = undefined;
    setTimeout(attempt, RECONNECT_MS).unref();
  };
  attempt();
  return {
    write(line) {
      if (send) return send(line);
      backlog.push(line);
      if (backlog.length > MAX_BACKLOG) backlog.shift();
    },
  };
}
