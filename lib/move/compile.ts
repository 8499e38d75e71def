import { dumpMovePackage, type MovePackageInput } from '@zktx.io/sui-move-builder/full';
import { resolvePackage } from './compiler.ts';
import { MoveError } from './error.ts';
import { type PackageFiles, readFramework, readPackage } from './sources.ts';

/** A compiled package as a publish transaction takes it. */
export interface CompiledPackage {
  /** Bytecode, each module after those it depends on. */
  modules: Uint8Array[];
  /** Ids of the packages it links to. */
  dependencies: string[];
}

/**
 * Compiles a Move package against the framework subset.
 *
 * @param directory - the folder of `Move.toml`
 * @throws MoveError `dependency`, `compile`
 */
export async function compilePackage(directory: string): Promise<CompiledPackage> {
  return compileFiles(await readPackage(directory));
}

/**
 * Compiles sources that are in memory against the framework subset.
 *
 * @throws MoveError `dependency`, `compile`
 */
export async function compileFiles(files: PackageFiles): Promise<CompiledPackage> {
  return compileResolved({ files: { ...files }, resolvedDependencies: await resolvePackage(files, []) });
}

/**
 * Compiles the framework subset itself: the modules of 0x1 and 0x2, for a genesis.
 *
 * @throws MoveError `compile`
 */
export async function compileFramework(): Promise<Uint8Array[]> {
  const { modules } = await compileTogether({});
  return modules;
}

/**
 * Compiles further sources and the framework as one package, so that nothing is a dependency and all bytecode comes out.
 *
 * @param addresses - the named addresses of the sources, beside `std` and `sui`
 * @param transform - applied to every text first
 * @throws MoveError `compile`
 */
export async function compileTogether(
  sources: PackageFiles,
  addresses: Record<string, string> = {},
  transform: (text: string) => string = (text) => text,
): Promise<CompiledPackage> {
  const files: PackageFiles = {};
  const add = (folder: string, texts: PackageFiles) => {
    for (const [path, text] of Object.entries(texts)) {
      if (path.endsWith('.move')) files[`sources/${folder}/${path}`] = transform(text);
    }
  };
  add('std', await readFramework('std'));
  add('sui', await readFramework('sui'));
  add('own', sources);
  files['Move.toml'] = manifest({ std: '0x1', sui: '0x2', ...addresses });
  const resolvedDependencies = {
    files: JSON.stringify(files),
    dependencies: '[]',
    lockfileDependencies: '[]',
  };
  return compileResolved({ files, resolvedDependencies });
}

function manifest(addresses: Record<string, string>): string {
  const lines = Object.entries(addresses).map(([name, address]) => `${name} = "${address}"`);
  return [
    '[package]',
    'name = "Together"',
    'edition = "2024"',
    'implicit-dependencies = false',
    '[addresses]',
    ...lines,
    '',
  ].join('\n');
}

async function compileResolved(input: MovePackageInput): Promise<CompiledPackage> {
  const result = await dumpMovePackage({ ...input, silenceWarnings: true });
  if ('error' in result) throw new MoveError('compile', `Cannot compile the package: ${result.error}`);
  return {
    modules: result.modules.map((module) => new Uint8Array(Buffer.from(module, 'base64'))),
    dependencies: result.dependencies,
  };
}
