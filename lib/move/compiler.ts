import {
  initMovePackageBuilder,
  MovePackageFetcher,
  resolveMovePackageDependencies,
} from '@zktx.io/sui-move-builder/full';
import { MoveError } from './error.ts';
import { type PackageFiles, readFramework } from './sources.ts';

/** Dependencies as the compiler takes them: JSON made by its own resolver. */
export interface ResolvedPackage {
  files: string;
  dependencies: string;
  lockfileDependencies: string;
}

/**
 * Answers the compiler's requests for the framework, which it addresses by repository and revision, with the subset
 * in this repository. So `Move.toml` stays as the Sui CLI wants it, and nothing is downloaded.
 */
class FrameworkFetcher extends MovePackageFetcher {
  override fetchLocal = (path: string): Promise<PackageFiles> => this.fetch('', '', path);

  override fetch(_git: string, _revision: string, folder = ''): Promise<PackageFiles> {
    if (folder.endsWith('move-stdlib')) return readFramework('std');
    if (folder.endsWith('sui-framework')) return readFramework('sui');
    throw new MoveError(
      'dependency',
      `Cannot resolve "${folder}": only the Sui framework may be a dependency`,
    );
  }

  override getResolvedSha(_git: string, revision: string): string {
    return revision;
  }
}

/**
 * Resolves a package against the framework subset.
 *
 * @param modes - `['test']` includes tests and what is `#[test_only]`
 * @throws MoveError `dependency`
 */
export async function resolvePackage(files: PackageFiles, modes: string[]): Promise<ResolvedPackage> {
  await initMovePackageBuilder();
  try {
    return await resolveMovePackageDependencies({
      files: { ...files },
      fetcher: new FrameworkFetcher(),
      modes,
    });
  } catch (cause) {
    throw new MoveError('dependency', `Cannot resolve the package: ${(cause as Error).message}`, { cause });
  }
}
