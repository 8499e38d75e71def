import { deserialize } from '@mysten/move-bytecode-template';
import { expect, test } from 'vitest';
import { compileFiles, compileFramework } from './compile.ts';

const MANIFEST = '[package]\nname = "probe"\nedition = "2024"\n[addresses]\nprobe = "0x0"\n';

test('compileFramework() gives the modules of 0x1 and 0x2', async () => {
  const names = (await compileFramework()).map((module) => nameOf(module));
  expect(names).toEqual(
    expect.arrayContaining(['vector', 'option', 'string', 'object', 'nitro_attestation']),
  );
  // Both packages have a module `address`.
  expect(names.filter((name) => name === 'address')).toHaveLength(2);
});

test('compileFiles() links to the framework at its addresses', async () => {
  const source = 'module probe::probe;\npublic struct Probe has key { id: UID, amount: u64 }\n';
  const { modules, dependencies } = await compileFiles({
    'Move.toml': MANIFEST,
    'sources/probe.move': `${source}entry fun make(ctx: &mut TxContext) {
      transfer::share_object(Probe { id: object::new(ctx), amount: 1 })
    }`,
  });
  expect(modules.map(nameOf)).toEqual(['probe']);
  expect(dependencies.map(BigInt)).toEqual([1n, 2n]);
});

test('compileFiles() reports the diagnostics of the compiler', async () => {
  const files = { 'Move.toml': MANIFEST, 'sources/probe.move': 'module probe::probe; fun f(): u64 { true }' };
  await expect(compileFiles(files)).rejects.toMatchObject({
    code: 'compile',
    message: expect.stringContaining('sources/probe.move'),
  });
});

test('compileFiles() refuses a dependency that is not the framework', async () => {
  const manifest = `${MANIFEST}[dependencies]\nOther = { local = "../other" }\n`;
  const files = { 'Move.toml': manifest, 'sources/probe.move': 'module probe::probe;' };
  await expect(compileFiles(files)).rejects.toMatchObject({ code: 'dependency' });
});

function nameOf(module: Uint8Array): string {
  const { identifiers, module_handles, self_module_handle_idx } = deserialize(module);
  return identifiers[module_handles[self_module_handle_idx]!.name]!;
}
