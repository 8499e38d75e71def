import { createHash } from 'node:crypto';
import type { NsmDevice } from '../nsm/device.ts';

/** 0 to 15 are the hypervisor's. */
const FIRST_OWN_PCR = 16;
const LAST_PCR = 31;

/**
 * Fixes the registers that belong to the enclave: 16 holds the command line with which the kernel really started, to
 * which the hypervisor may have appended; the others stay zero. Whatever takes over this process later can change none.
 */
export function sealRegisters(nsm: NsmDevice, commandLine: string): void {
  nsm.extend(FIRST_OWN_PCR, createHash('sha384').update(commandLine).digest());
  for (let index = FIRST_OWN_PCR; index <= LAST_PCR; index++) nsm.lock(index);
}
