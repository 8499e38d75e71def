import type { CheckPassed } from './checks.ts';

/** One line for a check that passed. */
export function passedLine({ check, compared }: CheckPassed): string {
  return `✓ ${check}: ${compared}`;
}
