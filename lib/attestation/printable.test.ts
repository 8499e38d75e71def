import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable, printableJson, printableLines } from './printable.ts';

const TRICKS: [string, string][] = [
  ['an escape sequence', '\u001b[2J\u001b[32m'],
  ['a control sequence of one character', '\u009b2J'],
  ['an operating system command', '\u001b]0;title\u0007'],
  ['a line break', '\n'],
  ['a carriage return, which overwrites', '\r'],
  ['the next line of C1', '\u0085'],
  ['a line separator', '\u2028'],
  ['a paragraph separator', '\u2029'],
  ['a tab', '\t'],
  ['a backspace', '\b'],
  ['a deletion', '\u007f'],
  ['NUL', '\0'],
  ['text from right to left', '\u202e'],
  ['an isolate', '\u2066'],
  ['a mark of direction', '\u200f'],
  ['a space of no width', '\u200b'],
  ['a joiner', '\u200d'],
  ['a byte order mark', '\ufeff'],
  ['a soft hyphen', '\u00ad'],
  ['a space that does not break', '\u00a0'],
  ['an ideographic space', '\u3000'],
  ['a filler of Hangul', '\u3164'],
  ['a blank of Braille', '\u2800'],
  ['a variation selector', '\ufe0f'],
  ['a tag', '\u{e0041}'],
  ['a lone surrogate', '\ud800'],
  ['a private character', '\ue000'],
];

describe('printable', () => {
  it.each(TRICKS)('shows %s as an escape', (_, trick) => {
    const shown = printable(`a${trick}b`);
    expect(shown).toMatch(/^a(\\u[0-9a-f]{4}|[ -~])+b$/);
    expect(shown).toContain(`\\u${trick.charCodeAt(0).toString(16).padStart(4, '0')}`);
  });

  it('leaves what is seen as it is', () => {
    for (const text of ['', 'i-0123-enc4567', 'Grüße, 世界 — ✓ 😀', "it's `so`\\"])
      expect(printable(text)).toBe(text);
  });

  it('shows lines of others so that none can be taken for ours', () => {
    expect(printableLines('refused\n✓ valid\u001b[0m\r')).toBe('refused\n  | ✓ valid\\u001b[0m\\u000d');
  });

  it('leaves of any text one line, and nothing to escape twice', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const once = printable(text);
        expect(once).not.toMatch(/[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u);
        expect(printable(once)).toBe(once);
      }),
    );
  });
});

describe('printableJson', () => {
  it.each(TRICKS)('keeps the meaning of JSON with %s', (_, trick) => {
    const value = { [`k${trick}`]: [`a${trick}b`] };
    const json = printableJson(JSON.stringify(value));
    expect(json).toMatch(/^[ -~]+$/);
    expect(JSON.parse(json)).toEqual(value);
  });

  it('keeps the line breaks between lines', () => {
    expect(printableJson('{"a":"\u009b"}\n{}\n')).toBe('{"a":"\\u009b"}\n{}\n');
  });
});
