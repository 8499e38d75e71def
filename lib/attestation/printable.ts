/**
 * What a terminal or a page obeys, hides or takes for a line break instead of showing it: controls (C0, C1), overrides
 * of direction, what has no width, line and paragraph separators, blanks that look like a space, lone surrogates,
 * private and unassigned characters.
 */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/gu;

/** The same within JSON on lines of their own, whose line breaks are ours. */
const UNPRINTABLE_JSON = /(?!\n)[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/gu;

/** Text that somebody else wrote, on one line and with nothing in it but what is seen: `\u001b` for an escape. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escaped);
}

/** The same for text of several lines, of which none but the first can be taken for one of ours. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n  | ');
}

/** JSON with such characters escaped, which means the same; line breaks between values stay. */
export function printableJson(json: string): string {
  return json.replace(UNPRINTABLE_JSON, escaped);
}

function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, i) => character.charCodeAt(i))
    .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
    .join('');
}
