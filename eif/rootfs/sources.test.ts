import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collectSources } from './sources.ts';

const REPOSITORY = resolve(import.meta.dirname, '../..');
let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'daas-sources-'));
});

afterEach(() => rm(root, { recursive: true }));

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

describe('collectSources', () => {
  it('follows relative imports and workspaces, and names the packages', async () => {
    await write('enclave/main.ts', "import { b } from './b.ts';\nexport * from '@daasvader/vsock/c.ts';\n");
    await write('enclave/b.ts', "import 'reflect-metadata';\nconst x = await import('@mysten/sui/grpc');\n");
    await write(
      'lib/vsock/c.ts',
      "import { readFile } from 'node:fs';\nimport { a } from '@daasvader/enclave/main.ts';\n",
    );
    expect(await collectSources(root, 'enclave/main.ts')).toEqual({
      files: ['enclave/b.ts', 'enclave/main.ts', 'lib/vsock/c.ts'],
      workspaces: ['enclave', 'lib/vsock'],
      packages: { 'enclave/b.ts': ['reflect-metadata', '@mysten/sui/grpc'] },
    });
  });

  it('leaves out what is imported for its types only', async () => {
    await write('enclave/main.ts', "import type { A } from './a.ts';\nimport type koa from 'koa';\n");
    expect(await collectSources(root, 'enclave/main.ts')).toMatchObject({
      files: ['enclave/main.ts'],
      packages: {},
    });
  });

  it('refuses the software NSM, fakes, the development chain and what is not there', async () => {
    for (const path of [
      '@daasvader/testbed/nsm/software.ts',
      '@daasvader/attestation/testing/pki.ts',
      '@daasvader/testbed/devnet/devnet.ts',
      './x.ts',
    ]) {
      await write('enclave/main.ts', `import { a } from '${path}';\n`);
      await expect(collectSources(root, 'enclave/main.ts')).rejects.toMatchObject({ code: 'import' });
    }
  });

  it('finds PID 1 of this repository complete, on the real device and vsock', async () => {
    const { files } = await collectSources(REPOSITORY, 'enclave/init/main.ts');
    expect(files).toEqual(
      expect.arrayContaining(['enclave/nsm/device.ts', 'lib/vsock/af-vsock.ts', 'enclave/boot/enclave.ts']),
    );
  });
});
