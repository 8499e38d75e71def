import { compileTogether } from '@daasvader/move/compile.ts';
import type { Address } from '../types.ts';
import type { Vm } from '../vm.ts';
import { vmOf } from './outcomes.ts';

/** The address of packages in tests. */
export const TEST_PACKAGE: Address = `0x${'7e57'.padStart(64, '0')}`;

/** Compiles one module of the package `test`, with the framework that it needs. */
export async function compileModule(body: string): Promise<Uint8Array[]> {
  const { modules } = await compileTogether(
    { 'sources/probe.move': `module test::probe;\n${body}` },
    { test: TEST_PACKAGE },
  );
  return modules;
}

/** A VM over a module `probe` and the framework. */
export async function vmWith(body: string): Promise<Vm> {
  return vmOf(await compileModule(body));
}

/** The id of the module that {@link compileModule} compiles. */
export const PROBE = { address: TEST_PACKAGE, name: 'probe' };

/** The name of a type that it defines. */
export function probeType(name: string): string {
  return `${TEST_PACKAGE}::probe::${name}`;
}
