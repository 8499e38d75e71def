import { InitError } from './error.ts';

const MIB = 1 << 20;
/** The enclave process and Kubernetes wait for each other on one processor until both time out. */
const MIN_CPUS = 2;
/** 760 MiB are in use once Kubernetes serves, files included: they lie in memory. The rest is for a cluster's objects. */
const MIN_MEMORY_MIB = 2_048;
/** What the kernel keeps for itself and does not count: a machine of 2048 MiB reports 2000. */
const KERNEL_SHARE = 0.06;

/** What a machine has: vCPUs and bytes. */
export interface Resources {
  readonly cpus: number;
  readonly memory: number;
}

/**
 * Refuses a machine on which the control plane would not live.
 *
 * @throws InitError `resources`, saying what is needed
 */
export function checkResources({ cpus, memory }: Resources): void {
  const mib = Math.floor(memory / MIB);
  if (cpus >= MIN_CPUS && mib >= MIN_MEMORY_MIB * (1 - KERNEL_SHARE)) return;
  throw new InitError(
    'resources',
    `Cannot run a control plane on ${cpus} vCPU and ${mib} MiB: start the enclave with at least ` +
      `--cpu-count ${MIN_CPUS} --memory ${MIN_MEMORY_MIB}`,
  );
}
