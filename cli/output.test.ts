import { expect, it, vi } from 'vitest';
import { describeFailure } from './failure.ts';
import { formatTable, printJson, printLine } from './output.ts';

const DRAWING = '\u001b[1A✓ valid\u009b2K\u202e';
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/u;

/** What `print` writes, without the line break at its end. */
function written(print: () => void): string {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    print();
    return String(write.mock.calls[0]![0]).slice(0, -1);
  } finally {
    write.mockRestore();
  }
}

it('a table, a line and JSON show what others wrote, and do nothing of it', () => {
  const [, row = ''] = formatTable(['NODE', 'STATUS'], [[`a\n${DRAWING}`, 'Ready']]).split('\n');
  expect(row).toBe('a\\u000a\\u001b[1A✓ valid\\u009b2K\\u202e  Ready');
  expect(written(() => printLine(`done\n${DRAWING}`))).not.toMatch(UNSEEN);
  const json = written(() => printJson({ reason: DRAWING, amount: 5n }));
  expect(json).not.toMatch(UNSEEN);
  expect(JSON.parse(json)).toEqual({ reason: DRAWING, amount: '5' });
});

it('a failure that others worded begins no line of ours', () => {
  const error = Object.assign(new Error(`no${DRAWING}\n✓ all is well`), {
    code: `x${DRAWING}`,
    expected: `a\n✓ ${DRAWING}`,
    actual: DRAWING,
  });
  const lines = describeFailure(error).split('\n');
  expect(lines).toHaveLength(4);
  for (const line of lines) expect(line).not.toMatch(UNSEEN);
  expect(lines.filter((line) => line.startsWith('✓'))).toEqual([]);
});
