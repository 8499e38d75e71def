import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ANY } from '@daasvader/attestation/policy.ts';
import { verifyAttestation } from '@daasvader/attestation/verify.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { measureSourceTree } from './measure.ts';
import { SoftwareNsm } from './software.ts';

const HOUR = 3_600_000;
const directory = mkdtempSync(join(tmpdir(), 'daas-nsm-'));
const stateDir = join(directory, 'state');
const sourceDir = join(directory, 'source');

let now = Date.UTC(2026, 0, 15);
let nsm: SoftwareNsm;

beforeAll(async () => {
  for (const folder of ['enclave', 'lib/seal', 'verify-page', 'k3s'])
    mkdirSync(join(sourceDir, folder), { recursive: true });
  for (const file of [
    'package.json',
    'package-lock.json',
    'enclave/main.ts',
    'lib/seal/seal.ts',
    'k3s/main.go',
  ])
    writeFileSync(join(sourceDir, file), `contents of ${file}`);
  nsm = await SoftwareNsm.create({ stateDir, sourceDir, now: () => now });
});

afterAll(() => rmSync(directory, { recursive: true }));

describe('software NSM', () => {
  it('says in a verifiable document what it was asked to say and what it measured', async () => {
    const { pcr0, pcr1, pcr2 } = await measureSourceTree(sourceDir);
    const [nonce, userData, publicKey] = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte));
    const document = await nsm.attest({ nonce, userData, publicKey });
    const pcrs = { 0: pcr0, 1: pcr1, 2: pcr2 };
    const policy = { root: nsm.rootPem, pcrs, nonce: nonce!, userData: userData!, publicKey: publicKey! };
    const verified = await verifyAttestation(document, now, policy);
    expect(verified.moduleId).toBe((await nsm.describe()).moduleId);
    expect(verified.root.aws).toBe(false);
  });

  it('is not believed by who trusts AWS', async () => {
    const verification = verifyAttestation(await nsm.attest({}), now, ANY);
    await expect(verification).rejects.toMatchObject({ code: 'chain_root_untrusted' });
  });

  it('keeps its root over a restart, under a key that only its owner reads', async () => {
    const again = await SoftwareNsm.create({ stateDir, sourceDir, now: () => now });
    expect(again.rootPem).toBe(nsm.rootPem);
    expect((await again.describe()).moduleId).not.toBe((await nsm.describe()).moduleId);
    expect(statSync(join(stateDir, 'root-key.pem')).mode & 0o777).toBe(0o600);
  });

  it('renews its certificates before they end', async () => {
    for (const step of [0, 2.9 * HOUR, 3 * HOUR, 30 * 24 * HOUR]) {
      now += step;
      const verified = await verifyAttestation(await nsm.attest({}), now, { ...ANY, root: nsm.rootPem });
      expect(verified.timestamp).toBe(now);
    }
  });

  it('refuses a request over 4 KiB and random bytes out of bounds, and gives others', async () => {
    await expect(nsm.attest({ userData: new Uint8Array(4097) })).rejects.toMatchObject({
      code: 'nsm_request_too_large',
    });
    for (const length of [0, 257, 1.5])
      await expect(nsm.random(length)).rejects.toMatchObject({ code: 'nsm_random_length' });
    expect(await nsm.random(32)).toHaveLength(32);
  });

  it('does not start on a state directory that holds something else', async () => {
    const broken = join(directory, 'broken');
    mkdirSync(broken);
    writeFileSync(join(broken, 'root.pem'), 'nothing');
    await expect(SoftwareNsm.create({ stateDir: broken, sourceDir })).rejects.toMatchObject({
      code: 'nsm_state',
    });
  });
});

describe('measureSourceTree', () => {
  /** Which PCRs change when a file is written; it is removed afterwards. */
  async function changed(path: string, text = 'changed'): Promise<string[]> {
    const before = await measureSourceTree(sourceDir);
    writeFileSync(join(sourceDir, path), text);
    const after = await measureSourceTree(sourceDir);
    return (['pcr0', 'pcr1', 'pcr2'] as const).filter((pcr) => !Buffer.from(before[pcr]).equals(after[pcr]));
  }

  it('tells boot from application, and both change the whole', async () => {
    expect(await changed('package-lock.json')).toEqual(['pcr0', 'pcr1']);
    expect(await changed('k3s/main.go')).toEqual(['pcr0', 'pcr1']);
    expect(await changed('enclave/main.ts')).toEqual(['pcr0', 'pcr2']);
    expect(await changed('lib/seal/added.ts')).toEqual(['pcr0', 'pcr2']);
  });

  it('leaves tests out, and is the same for the same tree', async () => {
    expect(await changed('enclave/main.test.ts')).toEqual([]);
  });

  it('measures the tree that this test runs from', async () => {
    const { pcr0 } = await measureSourceTree(resolve(import.meta.dirname, '../..'));
    expect(pcr0).toHaveLength(48);
  });

  it('refuses what is not there', async () => {
    await expect(measureSourceTree(directory)).rejects.toMatchObject({ code: 'nsm_measure' });
  });
});
