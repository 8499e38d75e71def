import { access, readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import { RootfsError } from './error.ts';

const WORKSPACE = /^@daasvader\/([a-z-]+)\/(.+)$/;
/** Workspaces that do not lie in `lib/`. */
const PARTS = new Set(['cli', 'enclave', 'host-proxy', 'testbed', 'verify-page', 'worker-agent']);
/** What is never in an image, whoever imports it: what stands in for something real, and the tests. */
const FORBIDDEN = /^testbed\/|\/testing\/|\.test\.ts$/;
/** `import … from 'x'`, `export … from 'x'`, `import 'x'` and `import('x')` in sources that biome has formatted. */
const IMPORTS = /(?:\bfrom\s*|\bimport\s*\(?\s*)'([^'\n]+)'/g;

/** What a program consists of. */
export interface Sources {
  /** Paths in the repository, sorted. */
  readonly files: readonly string[];
  /** Folders of the workspaces that they are imported from by name, such as `lib/vsock`, sorted. */
  readonly workspaces: readonly string[];
  /** npm packages that they import, sorted. */
  readonly packages: readonly string[];
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
  const packages = new Set<string>();
  // A set can grow while it is walked: what is added is visited.
  for (const file of files) {
    for (const specifier of await importsOf(root, file)) {
      const [, workspace, rest] = WORKSPACE.exec(specifier) ?? [];
      if (workspace) {
        const folder = PARTS.has(workspace) ? workspace : `lib/${workspace}`;
        workspaces.add(folder);
        files.add(`${folder}/${rest}`);
      } else if (specifier.startsWith('.')) files.add(normalize(join(dirname(file), specifier)));
      else if (!specifier.startsWith('node:')) packages.add(packageName(specifier));
    }
  }
  return { files: [...files].sort(), workspaces: [...workspaces].sort(), packages: [...packages].sort() };
}

async function importsOf(root: string, file: string): Promise<string[]> {
  if (FORBIDDEN.test(file))
    throw new RootfsError('import', `Cannot put ${file} into the image: it is for development`);
  const path = join(root, file);
  await access(path).catch((cause) => {
    throw new RootfsError('import', `Cannot follow an import: there is no ${file}`, { cause });
  });
  const source = stripTypeScriptTypes(await readFile(path, 'utf8'));
  return [...source.matchAll(IMPORTS)].map(([, specifier]) => specifier!);
}

function packageName(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}
