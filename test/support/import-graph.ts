import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readImports } from '../../eif/rootfs/imports.ts';
import { resolveOwn } from '../../eif/rootfs/sources.ts';

/** What each file imports when it runs: files of the repository by their path, packages and Node's own by their name. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/**
 * Reads the imports of every TypeScript file.
 *
 * @param root of the repository
 */
export function readImportGraph(root: string): ImportGraph {
  const files = globSync('**/*.ts', { cwd: root, exclude: ['node_modules/**', 'build/**'] });
  return new Map(files.sort().map((file) => [file, importsOf(root, file)]));
}

function importsOf(root: string, file: string): string[] {
  const { imports, requires, computed } = readImports(file, readFileSync(join(root, file), 'utf8'));
  const named = [...imports, ...requires].map((specifier) => resolveOwn(file, specifier) ?? specifier);
  return [...named, ...computed];
}

/** Everything that is loaded with some files, and with what they import, themselves included. */
export function reach(graph: ImportGraph, files: Iterable<string>): Set<string> {
  const reached = new Set(files);
  // A set can grow while it is walked: what is added is visited.
  for (const file of reached) for (const imported of graph.get(file) ?? []) reached.add(imported);
  return reached;
}

/** Imports that lead back to where they began: for each file in such a circle, the one of its imports that closes it. */
export function findCircles(graph: ImportGraph): string[] {
  return [...graph].flatMap(([file, imports]) =>
    imports
      .filter((imported) => reach(graph, [imported]).has(file))
      .map((imported) => `${file} imports ${imported}, which leads back to it`),
  );
}
