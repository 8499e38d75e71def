import { readFileSync } from 'node:fs';
import { createRequire, stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';

const IMPORT = /^import\s*\{([^}]*)\}\s*from\s*'([^']+)';$/gm;
const EXPORT = /^export ((?:async )?function|class|const) (\w+)/gm;
/** Any form of import or export that the two above do not cover. */
const UNSUPPORTED = /^\s*(?:import\b(?!\.)|export\b).*$|<\/script|<!--/im;

/**
 * Joins a module and all that it imports into one script without imports, types stripped, nothing else changed: what
 * runs in the browser is the source that one reads. Each module is a function, called once, that returns its exports.
 *
 * @param entry path of the module; its exports are left in the constant `entry`
 * @throws Error for a form of import or export that our sources do not use
 */
export function linkModules(entry: string): string {
  const linked: string[] = [];
  const names = new Map<string, string>();
  link(entry);
  return `${linked.join('\n')}\nconst entry = ${names.get(entry)};\n`;

  function link(path: string): string {
    const known = names.get(path);
    if (known !== undefined) return known;
    const source = stripTypeScriptTypes(readFileSync(path, 'utf8'));
    const imported = source.replace(IMPORT, (_, list: string, specifier: string) => {
      return `const {${list.replaceAll(' as ', ': ')}} = ${link(resolve(specifier, path))};`;
    });
    const exported = [...imported.matchAll(EXPORT)].map(([, , name]) => name);
    const body = imported.replace(EXPORT, '$1 $2');
    const unsupported = UNSUPPORTED.exec(withoutComments(body));
    if (unsupported) throw new Error(`Cannot put ${path} into a page: "${unsupported[0].trim()}"`);
    const name = `module${names.size}`;
    names.set(path, name);
    linked.push(`const ${name} = (() => {\n${body.trim()}\nreturn { ${exported.join(', ')} };\n})();`);
    return name;
  }
}

function resolve(specifier: string, from: string): string {
  return specifier.startsWith('.') ? join(dirname(from), specifier) : createRequire(from).resolve(specifier);
}

function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, (comment) =>
    /<\/script|<!--/i.test(comment) ? comment : '',
  );
}
