#!/usr/bin/node
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { AfVsock } from '@daasvader/vsock/af-vsock.ts';
import { runEnclave } from '../boot/enclave.ts';
import { createLog } from '../log.ts';
import { NsmDevice } from '../nsm/device.ts';
import { keepClock, setClock } from './clock.ts';
import { readParentCid } from './command-line.ts';
import { seedEntropy } from './entropy.ts';
import { mountFileSystems } from './file-systems.ts';
import { bringUpLoopback } from './loopback.ts';
import { reapOrphans } from './reaper.ts';
import { sealRegisters } from './registers.ts';
import { checkResources } from './resources.ts';
import { endMachine, limitOpenFiles, reap } from './system.ts';

// PID 1 of the image: makes an enclave of a machine that has just started, then is the enclave. When it cannot go on
// it ends the machine; the host starts another one, which begins with nothing.

const K3S_BINARY = '/usr/bin/k3s';
const K3S_DIR = '/run/k3s';
/** Kubernetes puts it into labels, for which the kernel's `(none)` will not do. */
const HOST_NAME = 'enclave';
/** The kernel's own limit (fs.nr_open). */
const OPEN_FILES = 1_048_576;
/** For the last lines of the log to reach the host. */
const FAREWELL_MS = 1_000;

try {
  mountFileSystems();
  await boot();
} catch (error) {
  // Nothing is there that could log it, or the log's end has been reached.
  process.stdout.write(`${(error as Error).stack}\n`);
}
endMachine();

async function boot(): Promise<void> {
  const commandLine = readFileSync('/proc/cmdline', 'utf8').trim();
  const vsock = new AfVsock(readParentCid(commandLine));
  writeFileSync('/proc/sys/kernel/hostname', HOST_NAME);
  bringUpLoopback();
  const log = createLog(vsock);
  log.info({ node: process.version, uptime: process.uptime(), commandLine }, 'boot: init');
  try {
    checkResources({ cpus: availableParallelism(), memory: totalmem() });
    limitOpenFiles(OPEN_FILES);
    const nsm = NsmDevice.open();
    await seedEntropy(nsm);
    const skew = await setClock(nsm);
    sealRegisters(nsm, commandLine);
    log.info({ skew }, 'boot: security module');
    keepClock(nsm, log);
    reapOrphans({
      reap,
      onTrouble: ({ message }) => log.error({ error: message }, 'cannot take away orphans now'),
    });
    const { signal } = new AbortController();
    await runEnclave({ vsock, log, nsm, k3sBinary: K3S_BINARY, k3sDir: K3S_DIR, signal });
  } catch (error) {
    log.fatal({ error: String(error), cause: String((error as Error).cause ?? '') }, 'the enclave ends');
  }
  await sleep(FAREWELL_MS);
}
