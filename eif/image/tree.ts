import { openAsBlob } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Entry } from '@daasvader/eif/cpio.ts';
import { EifError } from '@daasvader/eif/error.ts';

const OWNER_MAY_EXECUTE = 0o100;

/**
 * The files of a folder as entries of an archive. Of their modes only the owner's right to execute counts, which
 * neither umask nor the owner's name changes.
 *
 * @param folder on this machine
 * @param path in the archive, for example `usr/lib`; `''` for its root
 * @param keep whether a path of the archive is wanted; a folder that is not wanted is not entered
 * @throws EifError `cpio_path` for what is neither file, folder nor symbolic link
 */
export async function entriesOf(
  folder: string,
  path: string,
  keep = (_path: string) => true,
): Promise<Entry[]> {
  const names = (await readdir(folder)).sort();
  const nested = names.map(async (name) => {
    const inside = path === '' ? name : `${path}/${name}`;
    return keep(inside) ? entriesAt(join(folder, name), inside, keep) : [];
  });
  return (await Promise.all(nested)).flat();
}

async function entriesAt(source: string, path: string, keep: (path: string) => boolean): Promise<Entry[]> {
  const status = await lstat(source);
  if (status.isDirectory()) return [{ kind: 'directory', path }, ...(await entriesOf(source, path, keep))];
  if (status.isSymbolicLink()) return [{ kind: 'symlink', path, target: await readlink(source) }];
  if (!status.isFile())
    throw new EifError('cpio_path', `Cannot archive ${source}: neither file, folder nor symbolic link`);
  const executable = (status.mode & OWNER_MAY_EXECUTE) !== 0;
  return [{ kind: 'file', path, content: await openAsBlob(source), executable }];
}
