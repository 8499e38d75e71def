import { readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { RootfsError } from './error.ts';
import { readImports } from './imports.ts';

const WORKSPACE = /^@daasvader\/([a-z-]+)\/(.+)$/;
/** Workspaces that do not lie in `lib/`. */
const PARTS = new Set(['cli', 'enclave', 'host-proxy', 'testbed', 'verify-page', 'worker-agent']);
/** What is never in an image, whoever imports it: what stands in for something real, and the tests. */
const FORBIDDEN = /^testbed\/|\/testing\/|\.test\.ts$/;

/** What a program consists of. */
export interface Sources {
  /** Paths in the repository, sorted. */
  readonly files: readonly string[];
  /** Folders of the workspaces that they are imported from by name, such as `lib/vsock`, sorted. */
  readonly workspaces: readonly string[];
  /** What they import of npm packages, by path of the importing file. */
  readonly packages: Readonly<Record<string, readonly string[]>>;
}

/**
 * Follows the imports of a source, leaving out those of types, which do not exist at run time.
 *
 * @param root of the repository
 * @param entry path in it
 * @throws RootfsError `import`, naming who imports what
 */
export async function collectSources(root: string, entry: string): Promise<Sources> {
  const files = new Set([entry]);
  const workspaces = new Set<string>();
  const packages: Record<string, string[]> = {};
  // A set can grow while it is walked: what is added is visited.
  for (const file of files) {
    for (const specifier of await importsOf(root, file)) {
      const path = resolveOwn(file, specifier);
      if (path !== undefined) files.add(path);
      else if (!specifier.startsWith('node:')) packages[file] = [...(packages[file] ?? []), specifier];
      const workspace =
        path && WORKSPACE.test(specifier) ? path.split('/', path.startsWith('lib/') ? 2 : 1) : [];
      if (workspace.length > 0) workspaces.add(workspace.join('/'));
    }
  }
  return { files: [...files].sort(), workspaces: [...workspaces].sort(), packages };
}

/**
 * The source of this repository that an import means.
 *
 * @param file that imports, a path in the repository
 * @returns its path, undefined for a package and for what comes with Node
 */
export function resolveOwn(file: string, specifier: string): string | undefined {
  const [, workspace, rest] = WORKSPACE.exec(specifier) ?? [];
  if (workspace) return `${PARTS.has(workspace) ? workspace : `lib/${workspace}`}/${rest}`;
  return specifier.startsWith('.') ? normalize(join(dirname(file), specifier)) : undefined;
}

async function importsOf(root: string, file: string): Promise<readonly string[]> {
  if (FORBIDDEN.test(file))
    throw new RootfsError('import', `Cannot put ${file} into the image: it is for development`);
  const text = await readFile(join(root, file), 'utf8').catch((cause) => {
    throw new RootfsError('import', `Cannot follow an import: there is no ${file}`, { cause });
  });
  const { imports, requires, computed } = readImports(file, text);
  const [strange] = [...requires.map((name) => `require('${name}')`), ...computed];
  if (strange !== undefined)
    throw new RootfsError('import', `Cannot follow ${strange} in ${file}: name it in an import`);
  return imports;
}
