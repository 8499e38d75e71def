/** The contract keeps a reason of at most this many bytes. */
export const MAX_REASON_BYTES = 256;
const CUT = '…';

/** A text as a reason for the chain: one line, cut between two characters where it is too long. */
export function toReason(text: string): string {
  const line = text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
    .toWellFormed();
  if (Buffer.byteLength(line) <= MAX_REASON_BYTES) return line;
  const room = new Uint8Array(MAX_REASON_BYTES - Buffer.byteLength(CUT));
  const { read } = new TextEncoder().encodeInto(line, room);
  return `${line.slice(0, read)}${CUT}`;
}
