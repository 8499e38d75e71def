import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = new URL('../', import.meta.url);

interface Row {
  fault: string;
  file: string;
  title: string;
}

const readme = await readFile(new URL('README.md', import.meta.url), 'utf8');
const [faults = '', claims = ''] = readme.split('\n## ');

/** The rows `| fault | file | title |`. */
function faultTable(): Row[] {
  return faults
    .split('\n')
    .filter((line) => /^\| (?!-|fault )/.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')))
    .map(([, fault = '', file = '', title = '']) => ({ fault, file, title }));
}

test('every fault in test/README.md names a test that exists', async () => {
  const rows = faultTable();
  expect(rows.length).toBeGreaterThan(40);
  const missing: string[] = [];
  for (const { fault, file, title } of rows) {
    const source = await readFile(fileURLToPath(new URL(file, root)), 'utf8').catch(() => undefined);
    if (!file || !title || source?.includes(title) !== true)
      missing.push(`${fault}: "${title}" in ${file || '(no file)'}`);
  }
  expect(missing).toEqual([]);
});

test('every other claim names tests that exist', () => {
  const files = [...claims.matchAll(/`([^`]+\.test\.ts)`/g)].map(([, file = '']) => file);
  expect(files.length).toBeGreaterThan(5);
  expect(files.filter((file) => !existsSync(fileURLToPath(new URL(file, root))))).toEqual([]);
});
