import type { GroupResult, Verdict } from './verdict.ts';

const HEADING = ['group', 'specs', 'passed', 'expected failures', 'failed'];
/** Of a failure's message: the rest is in the report. */
const MESSAGE_LINES = 12;

/** The table by group, with a line for all. */
export function formatTable(groups: readonly GroupResult[]): string {
  const rows = [...groups, total(groups)].map(({ group, passed, expected, failed }) =>
    [group, passed + expected + failed, passed, expected, failed].map(String),
  );
  const widths = HEADING.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ');
  return [HEADING, ...rows].map((row) => `${line(row)}\n`).join('');
}

/** What is wrong with a run, each with its reason; empty for a clean one. */
export function formatFaults({ surprises, complaints }: Verdict): string {
  const failures = surprises.map(({ name, outcome, message }) => `${outcome}: ${name}\n${indent(message)}`);
  return [...failures, ...complaints].map((fault) => `${fault}\n`).join('\n');
}

function total(groups: readonly GroupResult[]): GroupResult {
  const sum = { group: 'all', passed: 0, expected: 0, failed: 0 };
  for (const { passed, expected, failed } of groups) {
    sum.passed += passed;
    sum.expected += expected;
    sum.failed += failed;
  }
  return sum;
}

function indent(message: string): string {
  const lines = message.trim().split('\n');
  const shown = lines.length > MESSAGE_LINES ? [...lines.slice(0, MESSAGE_LINES), '…'] : lines;
  return shown.map((line) => `  ${line}`).join('\n');
}
