import { PRIMITIVES } from './type.ts';
import { type ModuleId, type TypeName, VmError } from './types.ts';

/** A type as written, before its datatypes are looked up. */
export type TypeSyntax =
  | { kind: 'primitive'; name: keyof typeof PRIMITIVES }
  | { kind: 'vector'; element: TypeSyntax }
  | { kind: 'datatype'; module: ModuleId; name: string; arguments: TypeSyntax[] };

/** Sui's limit on the nesting of type arguments. */
const MAX_TYPE_DEPTH = 16;

const TOKEN = /\s*(::|[<>,]|[A-Za-z0-9_]+)/y;

/**
 * Reads a type name such as `vector<0x2::coin::Coin<0x2::sui::SUI>>`; short addresses are padded.
 *
 * @throws {VmError} `TypeNotFound` if the text is no type
 */
export function parseTypeName(text: TypeName): TypeSyntax {
  const parser = new TypeParser(text);
  const type = parser.type(0);
  parser.end();
  return type;
}

class TypeParser {
  readonly #text: string;
  readonly #tokens: string[] = [];

  constructor(text: string) {
    this.#text = text;
    const pattern = new RegExp(TOKEN);
    let end = 0;
    for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
      this.#tokens.push(match[1]!);
      end = pattern.lastIndex;
    }
    if (end !== text.trimEnd().length) throw this.#error();
    this.#tokens.reverse();
  }

  type(depth: number): TypeSyntax {
    if (depth > MAX_TYPE_DEPTH) throw this.#error();
    const first = this.#next();
    if (Object.hasOwn(PRIMITIVES, first))
      return { kind: 'primitive', name: first as keyof typeof PRIMITIVES };
    if (first === 'vector') return { kind: 'vector', element: this.#only(this.#arguments(depth)) };
    if (!/^0x[0-9a-fA-F]{1,64}$/.test(first)) throw this.#error();
    this.#expect('::');
    const module = { address: `0x${first.slice(2).toLowerCase().padStart(64, '0')}`, name: this.#next() };
    this.#expect('::');
    const name = this.#next();
    return { kind: 'datatype', module, name, arguments: this.#peek('<') ? this.#arguments(depth) : [] };
  }

  end(): void {
    if (this.#tokens.length > 0) throw this.#error();
  }

  #arguments(depth: number): TypeSyntax[] {
    this.#expect('<');
    const types = [this.type(depth + 1)];
    while (this.#peek(',')) {
      this.#next();
      types.push(this.type(depth + 1));
    }
    this.#expect('>');
    return types;
  }

  #only(types: TypeSyntax[]): TypeSyntax {
    if (types.length !== 1) throw this.#error();
    return types[0]!;
  }

  #peek(token: string): boolean {
    return this.#tokens.at(-1) === token;
  }

  #next(): string {
    const token = this.#tokens.pop();
    if (token === undefined) throw this.#error();
    return token;
  }

  #expect(token: string): void {
    if (this.#next() !== token) throw this.#error();
  }

  #error(): VmError {
    return new VmError(
      'TypeNotFound',
      `Cannot read type ${JSON.stringify(this.#text.slice(0, 200))}: not a type name`,
    );
  }
}
