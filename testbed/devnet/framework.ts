import { compileFramework } from '@daasvader/move/compile.ts';

/** @returns bytecode of the framework packages 0x1 and 0x2 */
export async function loadFramework(): Promise<Uint8Array[]> {
  return compileFramework();
}
