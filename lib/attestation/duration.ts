/** `1500` → `1.5 s`: a length of time in ms, for people. */
export function seconds(ms: number): string {
  return `${ms / 1000} s`;
}
