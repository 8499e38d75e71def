import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileTests, runTests } from '@daasvader/move/test.ts';
import { expect, onTestFinished, test } from 'vitest';
import { arithmeticGrid } from './testing/arithmetic-grid.ts';
import { ownOutcomes, realOutcomes } from './testing/outcomes.ts';

const PACKAGE = join(import.meta.dirname, 'conformance');

test('every case ends on this VM as on the real one', async () => {
  await expectAgreement(PACKAGE);
});

test('arithmetic gives what the real VM gives at the edges of every width', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'arithmetic-grid-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  await mkdir(join(directory, 'sources'));
  await cp(join(PACKAGE, 'Move.toml'), join(directory, 'Move.toml'));
  await writeFile(join(directory, 'sources/grid.move'), arithmeticGrid('conformance'));
  await expectAgreement(directory);
});

async function expectAgreement(directory: string): Promise<void> {
  const real = realOutcomes(await runTests(directory));
  const own = ownOutcomes(await compileTests(directory, 'conformance'));
  expect(Object.fromEntries(own)).toEqual(Object.fromEntries(real));
}
