import { printable } from '@daasvader/attestation/printable.ts';
import type { CheckPassed } from './checks.ts';

/** One line for a check that passed; part of it is what others wrote. */
export function passedLine({ check, compared }: CheckPassed): string {
  return printable(`✓ ${check}: ${compared}`);
}
