import type { IntegerKind } from '../type.ts';

const WIDTHS: Record<IntegerKind, number> = { u8: 8, u16: 16, u32: 32, u64: 64, u128: 128, u256: 256 };

const BINARY = { add: '+', sub: '-', mul: '*', div: '/', mod: '%', or: '|', and: '&', xor: '^' };
const ORDER = { lt: '<', gt: '>', le: '<=', ge: '>=', eq: '==', neq: '!=' };
const SHIFTS = { shl: '<<', shr: '>>' };

/**
 * Writes a Move module with one test for each operation on each pair of edge values of each integer type. A test aborts
 * with bits of its result, so that the outcome is the value.
 *
 * @param name of the package, whose module `grid` it is
 */
export function arithmeticGrid(name: string): string {
  const kinds = Object.keys(WIDTHS) as IntegerKind[];
  return [`module ${name}::grid;`, FOLD, ...kinds.flatMap(functions), ...kinds.flatMap(tests)].join('\n');
}

/** Results may have 256 bits and abort codes only 63 (the top one marks codes made by the compiler). */
const FOLD = `
fun fold(value: u256): u64 {
    let limbs = value ^ (value >> 61) ^ (value >> 122) ^ (value >> 183) ^ (value >> 244);
    (limbs & 0x7fff_ffff_ffff_ffff) as u64
}
fun bit(value: bool): u64 { if (value) 1 else 0 }`;

/** Operations take parameters, so that the compiler cannot compute them itself. */
function functions(kind: IntegerKind): string[] {
  const define = (name: string, parameters: string, result: string) =>
    `fun ${name}_${kind}(${parameters}): u64 { ${result} }`;
  return [
    ...Object.entries({ ...BINARY, ...SHIFTS }).map(([name, operator]) =>
      define(name, `x: ${kind}, y: ${name in SHIFTS ? 'u8' : kind}`, `fold((x ${operator} y) as u256)`),
    ),
    ...Object.entries(ORDER).map(([name, operator]) =>
      define(name, `x: ${kind}, y: ${kind}`, `bit(x ${operator} y)`),
    ),
    ...Object.keys(WIDTHS).map((target) =>
      define(`to_${target}`, `x: ${kind}`, `fold((x as ${target}) as u256)`),
    ),
  ];
}

function tests(kind: IntegerKind): string[] {
  const values = edges(WIDTHS[kind]);
  const counts = [0, 1, WIDTHS[kind] - 1, Math.min(WIDTHS[kind], 255), 255];
  const pairs = values.flatMap((x) => values.map((y) => `${x}, ${y}`));
  const shifts = values.flatMap((x) => [...new Set(counts)].map((count) => `${x}, ${count}`));
  return [
    ...Object.keys({ ...BINARY, ...ORDER }).flatMap((name) => cases(`${name}_${kind}`, pairs)),
    ...Object.keys(SHIFTS).flatMap((name) => cases(`${name}_${kind}`, shifts)),
    ...Object.keys(WIDTHS).flatMap((target) => cases(`to_${target}_${kind}`, values.map(String))),
  ];
}

function cases(name: string, operands: string[]): string[] {
  return operands.map((list, index) => `#[test]\nfun ${name}_${index}() { abort ${name}(${list}) }`);
}

function edges(bits: number): bigint[] {
  const max = (1n << BigInt(bits)) - 1n;
  return [0n, 1n, (1n << BigInt(bits / 2)) + 1n, max / 2n, max];
}
