import { printable, printableJson } from '@daasvader/attestation/printable.ts';

/** Prints `value` as one line of JSON: the form that programs read. */
export function printJson(value: unknown): void {
  process.stdout.write(`${printableJson(JSON.stringify(value, bigintAsString))}\n`);
}

/** Prints one line for a person; others may have written part of it. */
export function printLine(text: string): void {
  process.stdout.write(`${printable(text)}\n`);
}

/** MIST amounts do not fit a JSON number. */
function bigintAsString(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

/**
 * Rows under headings, columns padded to their widest cell: the form that people read. What others wrote may stand in
 * a cell.
 *
 * @param headings one per column
 * @param rows cells in the order of the headings
 * @returns the text, with a line break at the end
 */
export function formatTable(headings: string[], rows: string[][]): string {
  const lines = [headings, ...rows.map((row) => row.map(printable))];
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const format = (line: string[]) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return `${lines.map(format).join('\n')}\n`;
}

const MIST_PER_SUI = 1_000_000_000n;

/** `2500000000n` → `"2.5 SUI"`. */
export function formatSui(mist: bigint): string {
  const fraction = (mist % MIST_PER_SUI).toString().padStart(9, '0').replace(/0+$/, '');
  return `${mist / MIST_PER_SUI}${fraction && `.${fraction}`} SUI`;
}
