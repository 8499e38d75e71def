import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { runEnclave } from '@daasvader/enclave/boot/enclave.ts';
import { createLog } from '@daasvader/enclave/log.ts';
import { reasonOf } from '@daasvader/program/reason.ts';
import { HybridGuest } from '@daasvader/vsock/hybrid-guest.ts';
import { SoftwareNsm } from '../nsm/software.ts';
import { readOptions } from './options.ts';

const SOURCE_DIR = resolve(import.meta.dirname, '../..');

try {
  await main();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const { stateDir, vsockPath, k3sBinary } = readOptions(process.argv.slice(2), process.env);
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const vsock = await HybridGuest.open(vsockPath);
  const log = createLog(vsock);
  const nsm = await SoftwareNsm.create({ stateDir, sourceDir: SOURCE_DIR });
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());
  try {
    await runEnclave({ vsock, log, nsm, k3sBinary, k3sDir: join(stateDir, 'k3s'), signal: stop.signal });
  } catch (error) {
    if (stop.signal.aborted) log.info('the enclave was asked to end');
    else {
      log.fatal({ error: reasonOf(error) }, 'the enclave ends');
      process.exitCode = 1;
    }
  }
  vsock.close();
  log.flush();
  process.exit();
}
