import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readStream } from '../bounded-stream.ts';
import { CliError } from '../error.ts';
import { readBytes } from '../file.ts';

/** Far above what people write: a larger file is the wrong one. */
const MAX_FILE_BYTES = 8 << 20;
const MAX_TOTAL_BYTES = 32 << 20;
const MANIFEST = /\.(?:ya?ml|json)$/;

/** A file of manifests as it is. */
export interface ManifestFile {
  /** As the person named it; `-` for standard input. */
  readonly name: string;
  readonly text: string;
}

/**
 * Reads what `-f` names: files, folders (their .yaml, .yml and .json files, not those of folders within) and `-` for
 * standard input.
 *
 * @throws CliError `file` for what cannot be read, is too large, is no text, or holds no manifest
 */
export async function readManifestFiles(names: readonly string[]): Promise<ManifestFile[]> {
  const files: ManifestFile[] = [];
  let bytes = 0;
  for (const name of (await Promise.all(names.map(filesOf))).flat()) {
    const content = await readManifest(name);
    bytes += content.length;
    if (bytes > MAX_TOTAL_BYTES)
      throw new CliError('file', `Cannot read so many manifests at once: at most ${MAX_TOTAL_BYTES} bytes`);
    files.push({ name, text: textOf(name, content) });
  }
  return files;
}

async function filesOf(name: string): Promise<string[]> {
  if (name === '-' || !(await stat(name).catch(() => undefined))?.isDirectory()) return [name];
  const entries = await readdir(name, { withFileTypes: true });
  const found = entries.filter((entry) => !entry.isDirectory() && MANIFEST.test(entry.name));
  if (found.length === 0)
    throw new CliError('file', `Cannot read manifests from ${name}: no .yaml, .yml or .json file is in it`);
  return found.map((entry) => join(name, entry.name)).sort();
}

function readManifest(name: string): Promise<Buffer> {
  return name === '-' ? readInput() : readBytes(name, 'the manifests', MAX_FILE_BYTES);
}

function readInput(): Promise<Buffer> {
  return readStream(process.stdin, MAX_FILE_BYTES).catch((cause: Error) => {
    throw new CliError('file', `Cannot read standard input: ${cause.message}`, { cause });
  });
}

/** Text in UTF-8: what is none would be sent as something else than it is. */
function textOf(name: string, content: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    throw new CliError('file', `Cannot read the manifests ${name}: they are no text in UTF-8`);
  }
}
