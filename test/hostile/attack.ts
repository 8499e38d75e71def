import type { Field } from './field.ts';

/** What somebody hostile tries, and how it must end. */
export interface Attack {
  readonly attack: string;
  /** For people: what the cluster is to do. */
  readonly expected: string;
  /** What {@link run} gives when the cluster did it. */
  readonly refusal: RegExp;
  /** Tries it against the running cluster and gives what was seen. */
  readonly run: (field: Field) => Promise<string>;
}

/** Answers by which the API refuses: it understood, and says no. */
export const REFUSED = /^(400|401|403|404|405|413|415|422|429|507) /;

/** An attack that an HTTP status refuses. */
export function refused(attack: string, run: Attack['run']): Attack {
  return { attack, expected: 'refused', refusal: REFUSED, run };
}

/** One whose sender may be cut off before it has read the refusal. */
export function refusedOrCut(attack: string, run: Attack['run']): Attack {
  const cut = (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') throw error;
    return 'cut off';
  };
  return {
    attack,
    expected: 'refused or cut off',
    refusal: /^(413 |cut off)/,
    run: (field) => run(field).catch(cut),
  };
}

/** An attack after which somebody honest is still served: `run` gives `served` when they were. */
export function survived(attack: string, run: Attack['run']): Attack {
  return { attack, expected: 'others are served', refusal: /^served/, run };
}

interface Row {
  readonly by: string;
  readonly attack: string;
  readonly expected: string;
  readonly seen: string;
}

/** The table of attacks, as aligned text. */
export function formatAttacks(rows: readonly Row[]): string {
  const lines = [
    ['BY', 'ATTACK', 'EXPECTED', 'SEEN'],
    ...rows.map(({ by, attack, expected, seen }) => [by, attack, expected, seen]),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .join('\n');
}
