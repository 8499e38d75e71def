import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packCpio } from '@daasvader/eif/cpio.ts';
import { measure } from '@daasvader/eif/measure.ts';
import { imageOf } from '@daasvader/eif/testing/image.ts';
import { encodeEif } from '@daasvader/eif/write.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const directory = mkdtempSync(join(tmpdir(), 'daas-image-'));
const [a, b, broken] = ['a.eif', 'b.eif', 'broken.eif'].map((name) => join(directory, name)) as [
  string,
  string,
  string,
];

beforeAll(async () => {
  writeFileSync(a, Buffer.from(await (await encodeEif(imageOfProgram('one'))).arrayBuffer()));
  writeFileSync(b, Buffer.from(await (await encodeEif(imageOfProgram('two'))).arrayBuffer()));
  writeFileSync(broken, 'no image');
});

afterAll(() => rmSync(directory, { recursive: true }));

function image(...args: string[]) {
  const main = join(import.meta.dirname, 'main.ts');
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'image', ...args], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('daas image measure', () => {
  it('prints the PCRs for a program', async () => {
    const { status, stdout } = image('measure', a, '--json');
    expect(JSON.parse(stdout)).toEqual(await measure(imageOfProgram('one')));
    expect(status).toBe(0);
  });

  it('prints a table for a person', async () => {
    const { PCR2 } = await measure(imageOfProgram('one'));
    const { status, stdout } = image('measure', a);
    expect(stdout).toContain(`PCR2  ${PCR2}  other ramdisks`);
    expect(status).toBe(0);
  });

  it('exits 1 on what is no image, with a code', () => {
    const { status, stdout } = image('measure', broken, '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      code: 'eif_truncated',
      message: expect.stringContaining('EIF'),
    });
    expect(status).toBe(1);
    expect(image('measure', broken).stderr).toContain('[eif_truncated]');
  });

  it.each([
    ['no file', []],
    ['a file that is not there', [join(directory, 'none')]],
    ['a folder', [directory]],
    ['two files', [a, b]],
  ])('exits 2 on %s', (_, args) => {
    expect(image('measure', ...args)).toMatchObject({ status: 2, stderr: expect.stringContaining('error:') });
  });
});

describe('daas image diff', () => {
  it('exits 0 when there is no difference', () => {
    const { status, stdout } = image('diff', a, a, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ same: true });
    expect(status).toBe(0);
  });

  it('exits 1 and names what differs', () => {
    const { status, stdout } = image('diff', a, b, '--json');
    const { same, parts } = JSON.parse(stdout);
    expect(same).toBe(false);
    expect(parts.at(-1)).toMatchObject({ part: 'ramdisk 1', files: [{ path: 'init', change: 'changed' }] });
    expect(status).toBe(1);
    expect(image('diff', a, b).stdout).toMatch(
      /kernel: same\n.*ramdisk 1: changed\n {2}changed "init": sha256 "/s,
    );
  });

  it('exits 1 when one of them is no image, 2 when one is not there', () => {
    expect(JSON.parse(image('diff', a, broken, '--json').stdout)).toMatchObject({ code: 'eif_truncated' });
    expect(image('diff', a, broken).status).toBe(1);
    expect(image('diff', a, join(directory, 'none')).status).toBe(2);
  });
});

function imageOfProgram(text: string) {
  const init = { kind: 'file', path: 'init', content: new Blob([text]), executable: true } as const;
  return imageOf({ ramdisks: [packCpio([init])] });
}
