import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { Fixture, NOW } from './testing/fixture.ts';

/** What Node has and browsers do not. */
const NODE_ONLY = /\b(Buffer|process|require|__dirname|setImmediate|global)\b|import\.meta\.dirname/;

const files = importedFrom('verify.ts', new Set(importedFrom('binding.ts')));

it('verifier and binding import nothing but their own files', () => {
  expect(files).toEqual(expect.arrayContaining(['verify.ts', 'der.ts', 'binding.ts']));
  for (const file of files) {
    const imports = specifiers(file);
    expect(imports.filter((specifier) => !/^\.\/[a-z0-9-]+\.ts$/.test(specifier))).toEqual([]);
  }
});

it.each(files)('%s uses nothing that only Node has', (file) => {
  expect(code(file)).not.toMatch(NODE_ONLY);
});

it('those files, copied to an empty folder, verify a document', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'attestation-'));
  try {
    for (const file of files) copyFileSync(join(import.meta.dirname, file), join(folder, file));
    const pki = await Fixture.create();
    writeFileSync(join(folder, 'document'), await pki.document());
    writeFileSync(join(folder, 'root'), pki.root.certificate);
    writeFileSync(join(folder, 'main.ts'), MAIN);
    const { stdout } = await promisify(execFile)(process.execPath, ['main.ts'], { cwd: folder });
    expect(JSON.parse(stdout)).toEqual({ moduleId: 'i-0123456789abcdef0-enc0123456789abcdef', aws: false });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const MAIN = `
import { readFileSync } from 'node:fs';
import { ANY } from './policy.ts';
import { verifyAttestation } from './verify.ts';
const [document, root] = ['document', 'root'].map((name) => readFileSync(name));
const { moduleId, root: { aws } } = await verifyAttestation(document, ${NOW}, { ...ANY, root });
console.log(JSON.stringify({ moduleId, aws }));
`;

function importedFrom(file: string, seen = new Set<string>()): string[] {
  if (!seen.has(file)) {
    seen.add(file);
    for (const specifier of specifiers(file)) importedFrom(basename(specifier), seen);
  }
  return [...seen];
}

function specifiers(file: string): string[] {
  return [...code(file).matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/g)].map(
    ([, specifier]) => specifier!,
  );
}

/** Without types and comments: imports of types go with them, and prose may say anything. */
function code(file: string): string {
  const source = stripTypeScriptTypes(readFileSync(join(import.meta.dirname, file), 'utf8'));
  return source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
}
