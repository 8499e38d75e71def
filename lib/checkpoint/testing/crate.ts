import { execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

const CARGO_HOME = process.env.CARGO_HOME ?? join(homedir(), '.cargo');

/** Whether there is a cargo to fetch crates with. */
export function hasCargo(): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, 'cargo')));
}

/**
 * The sources of a published crate, fetched with cargo when it does not have them yet.
 *
 * @throws when cargo cannot fetch it
 */
export function crateFolder(name: string, version: string): string {
  const find = () => globSync(join(CARGO_HOME, 'registry', 'src', '*', `${name}-${version}`))[0];
  const known = find();
  if (known) return known;
  const folder = mkdtempSync(join(tmpdir(), 'crate-'));
  const manifest = join(folder, 'Cargo.toml');
  try {
    writeFileSync(join(folder, 'lib.rs'), '');
    writeFileSync(
      manifest,
      `[package]\nname = "vectors"\nversion = "0.0.0"\nedition = "2021"\n[lib]\npath = "lib.rs"\n[dependencies]\n${name} = "=${version}"\n`,
    );
    execFileSync('cargo', ['fetch', '--quiet', '--manifest-path', manifest]);
  } finally {
    rmSync(folder, { recursive: true });
  }
  const fetched = find();
  if (!fetched)
    throw new Error(`Cannot find ${name} ${version} below ${CARGO_HOME}: cargo fetched it elsewhere`);
  return fetched;
}
