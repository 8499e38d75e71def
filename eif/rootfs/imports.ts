import { stripTypeScriptTypes } from 'node:module';
import ts from 'typescript';

/** What a source loads when it runs; what it imports for its types only is left out. */
export interface Imports {
  /** What `import` and `export … from` name, and `import('…')`. */
  readonly imports: readonly string[];
  /** What `require('…')` names. */
  readonly requires: readonly string[];
  /** Calls of `import` or `require` whose name is put together when they run. */
  readonly computed: readonly string[];
}

/** As it may be called in what bundlers write. */
const REQUIRE = /^(?:module\.)?_{0,2}require(?:\.resolve)?$/;

/**
 * Reads the imports of a module with TypeScript's own parser.
 *
 * @param file name, by whose ending types are known
 * @param text JavaScript or TypeScript
 */
export function readImports(file: string, text: string): Imports {
  const found = { imports: [] as string[], requires: [] as string[], computed: [] as string[] };
  const source = file.endsWith('.ts') ? stripTypeScriptTypes(text) : text;
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, false, ts.ScriptKind.JS);
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
      if (node.moduleSpecifier) found.imports.push((node.moduleSpecifier as ts.StringLiteral).text);
    } else if (ts.isCallExpression(node)) {
      const names = namesOf(node, tree);
      const [name] = node.arguments;
      if (names && name && ts.isStringLiteralLike(name)) found[names].push(name.text);
      else if (names) found.computed.push(node.getText(tree));
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

/** Whether a call loads a module, and how. */
function namesOf({ expression }: ts.CallExpression, tree: ts.SourceFile): 'imports' | 'requires' | undefined {
  if (expression.kind === ts.SyntaxKind.ImportKeyword) return 'imports';
  return REQUIRE.test(expression.getText(tree)) ? 'requires' : undefined;
}
