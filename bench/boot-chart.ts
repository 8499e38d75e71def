import type { Phase } from './boot-phases.ts';

const WIDTH = 820;
const ROW = 22;
const TOP = 44;
const LABELS = 170;
const VALUES = 70;
const TICK_MS = 20_000;

/** The boot as an SVG: a row for each phase, a bar from its beginning to its end. */
export function bootChart(title: string, phases: readonly Phase[]): string {
  const total = Math.max(...phases.map(({ to }) => to));
  const x = (ms: number) => LABELS + (Math.max(ms, 0) / total) * (WIDTH - LABELS - VALUES);
  const height = TOP + phases.length * ROW + ROW;
  const body = [
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    text(10, 20, title, 'font-weight="bold"'),
    ...ticks(total, x, height),
    ...phases.flatMap((phase, row) => bar(phase, TOP + row * ROW, x)),
  ];
  const size = `width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}"`;
  const style = 'font-family="sans-serif" font-size="12" fill="#222"';
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} ${style}>\n${body.join('\n')}\n</svg>\n`;
}

function ticks(total: number, x: (ms: number) => number, height: number): string[] {
  const count = Math.floor(total / TICK_MS) + 1;
  return Array.from({ length: count }, (_, index) => {
    const at = x(index * TICK_MS).toFixed(1);
    const line = `<path d="M${at} ${TOP}V${height - ROW}" stroke="#ddd"/>`;
    return `${line}${text(at, height - 6, `${(index * TICK_MS) / 1_000} s`, 'text-anchor="middle" fill="#777"')}`;
  });
}

function bar({ name, from, to }: Phase, y: number, x: (ms: number) => number): string[] {
  const width = Math.max(x(to) - x(from), 1);
  const seconds = `${((to - from) / 1_000).toFixed(1)} s`;
  return [
    text(LABELS - 8, y + 15, name, 'text-anchor="end"'),
    `<rect x="${x(from).toFixed(1)}" y="${y + 4}" width="${width.toFixed(1)}" height="14" fill="#2f6db5"/>`,
    text((x(to) + 6).toFixed(1), y + 15, seconds, 'fill="#555"'),
  ];
}

function text(x: number | string, y: number, content: string, attributes: string): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x}" y="${y}" ${attributes}>${escaped}</text>`;
}
