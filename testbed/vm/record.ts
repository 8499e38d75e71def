import { mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VmError } from './error.ts';
import type { VmNetwork } from './network.ts';
import type { Place } from './place.ts';

/** What is known of a VM or network before it is created, so that a later process can remove it. */
export type VmRecord =
  | { kind: 'network'; network: VmNetwork }
  | { kind: 'vm'; name: string; network: VmNetwork; number: number; place: Place };

/** Where records and disks of worker VMs are kept unless told otherwise. */
export const DEFAULT_DIRECTORY: string = join(tmpdir(), 'daasvader-vm');

/**
 * Writes a record durably before what it describes is created.
 * @throws VmError `exists` when one of that name is there
 */
export async function writeRecord(directory: string, record: VmRecord): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const file = fileOf(directory, nameOf(record));
  const written = `${file}.${process.pid}.part`;
  if ((await readRecord(directory, nameOf(record))) !== undefined)
    throw new VmError('exists', `Cannot create ${nameOf(record)}: it exists already, remove it first`);
  await writeFile(written, JSON.stringify(record), { flush: true });
  await rename(written, file);
}

/** Reads the record of a VM or network, if there is one. */
export async function readRecord(directory: string, name: string): Promise<VmRecord | undefined> {
  try {
    return JSON.parse(await readFile(fileOf(directory, name), 'utf8')) as VmRecord;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Removes a record, and the directory with the last one. */
export async function removeRecord(directory: string, name: string): Promise<void> {
  await rm(fileOf(directory, name), { force: true });
  await rmdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'ENOENT') throw error;
  });
}

/** Lists all records, VMs before the networks that they hang on. */
export async function listRecords(directory: string): Promise<VmRecord[]> {
  const files = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [] as string[];
    throw error;
  });
  await removeUnfinished(directory, files);
  const names = files.filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -'.json'.length));
  const records = await Promise.all(names.map((name) => readRecord(directory, name)));
  return records.filter((record) => record !== undefined).sort((a, b) => b.kind.localeCompare(a.kind));
}

/** The name under which a record is kept. */
export function nameOf(record: VmRecord): string {
  return record.kind === 'vm' ? record.name : record.network.name;
}

// A process killed between write and rename leaves a part and has created nothing yet.
async function removeUnfinished(directory: string, files: string[]): Promise<void> {
  const parts = files.filter((file) => file.endsWith('.part'));
  await Promise.all(parts.map((file) => rm(join(directory, file), { force: true })));
}

function fileOf(directory: string, name: string): string {
  return join(directory, `${name}.json`);
}
