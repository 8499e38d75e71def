import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { toHex } from '@daasvader/attestation/bytes.ts';
import { encodePem } from '@daasvader/attestation/pem.ts';
import { issueDocument } from '@daasvader/attestation/testing/issue.ts';
import { issueChain, issueRoot } from '@daasvader/attestation/testing/pki.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const NOW = Date.UTC(2026, 0, 15);
const PCRS = new Map([0, 1, 2].map((index) => [index, new Uint8Array(48).fill(index + 1)]));
const PCR0 = toHex(PCRS.get(0)!);
const directory = mkdtempSync(join(tmpdir(), 'daas-attest-'));
const file = join(directory, 'document.bin');
const root = join(directory, 'root.pem');
/** What a hostile document would draw on a terminal. */
const DRAWING = '\u001b[2K\r✓ valid\n✓ root: AWS\u009b1A\u202e\u200b\u2028';
const drawing = join(directory, `drawing\u001b[31m\u202e.bin`);

beforeAll(async () => {
  const authority = await issueRoot('cli-test', NOW);
  const nonce = new Uint8Array(16).fill(7);
  const fields = { moduleId: 'i-1-enc1', timestamp: NOW, pcrs: PCRS, publicKey: null, userData: null, nonce };
  writeFileSync(file, await issueDocument(fields, await issueChain(authority, NOW)));
  const drawn = { ...fields, moduleId: `i-1-enc1${DRAWING}` };
  writeFileSync(drawing, await issueDocument(drawn, await issueChain(authority, NOW)));
  writeFileSync(root, encodePem(authority.certificate));
});

afterAll(() => rmSync(directory, { recursive: true }));

/** Runs the command as a person does. */
function verify(...args: string[]) {
  const main = join(import.meta.dirname, 'main.ts');
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'attest', 'verify', ...args], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('daas attest verify', () => {
  it('prints the document and names a root that is not of AWS', () => {
    const { status, stdout } = verify(file, '--at', `${NOW}`, '--root', root, '--pcr0', PCR0, '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      valid: true,
      document: { moduleId: 'i-1-enc1', timestamp: NOW, digest: 'SHA384', pcrs: { 0: PCR0 }, userData: null },
      root: { aws: false },
    });
    expect(status).toBe(0);
  });

  it('lists every check for a person, and those it did not make', () => {
    const { stdout } = verify(file, '--at', `${NOW}`, '--root', root, '--any-pcrs');
    expect(stdout).toContain('✓ signature');
    expect(stdout).toContain('- PCRs: the policy accepts any');
    expect(stdout).toContain('NOT AWS');
  });

  it.each([
    ['chain_root_untrusted', ['--any-pcrs']],
    ['pcr_mismatch', ['--root', root, '--pcr1', PCR0]],
    ['nonce_mismatch', ['--root', root, '--any-pcrs', '--nonce', '00']],
    ['user_data_missing', ['--root', root, '--any-pcrs', '--user-data', '']],
  ])('exits 1 with %s', (code, args) => {
    const { status, stdout } = verify(file, '--at', `${NOW}`, '--json', ...args);
    expect(JSON.parse(stdout)).toMatchObject({ valid: false, code });
    expect(status).toBe(1);
  });

  it.each([
    ['accepted', [drawing, '--root', root, '--any-pcrs'], 0],
    ['refused', [drawing, '--any-pcrs', '--nonce', '00'], 1],
    ['missing', [`${drawing}.none`, '--any-pcrs'], 2],
    ['as JSON', [drawing, '--root', root, '--any-pcrs', '--json'], 0],
    ['with a root of a hostile name', [file, '--root', `${drawing}.none`, '--any-pcrs'], 2],
  ])('shows nothing of what a document or a file name would draw: %s', (_, args, exit) => {
    const { status, stdout, stderr } = verify(...args, '--at', `${NOW}`);
    expect(status).toBe(exit);
    const shown = stdout + stderr;
    expect(shown.replaceAll('\n', '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    expect(shown.split('\n').filter((line) => /^✓ (valid|root)/.test(line))).toEqual([]);
  });

  it('shows the text of a document escaped, and the same in JSON', () => {
    const accepted = [drawing, '--root', root, '--any-pcrs', '--at', `${NOW}`];
    expect(verify(...accepted).stdout).toContain('i-1-enc1\\u001b[2K\\u000d✓ valid\\u000a');
    expect(JSON.parse(verify(...accepted, '--json').stdout).document.moduleId).toBe(`i-1-enc1${DRAWING}`);
  });

  it.each([
    ['a file of gigabytes', 'huge'],
    ['a device without end', '/dev/zero'],
  ])('refuses %s as too large, and reads no more of it than shows that', (_, name) => {
    const path = resolve(directory, name);
    if (!path.startsWith('/dev')) {
      writeFileSync(path, '');
      truncateSync(path, 1_500_000_000);
    }
    const { status, stdout } = verify(path, '--any-pcrs', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ valid: false, code: 'document_too_large', actual: 'more' });
    expect(status).toBe(1);
    const asRoot = verify(file, '--any-pcrs', '--root', path);
    expect(asRoot).toMatchObject({ status: 2, stderr: expect.stringContaining('more than 1048576 bytes') });
  });

  it('reads a document from a pipe', () => {
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    spawn('sh', ['-c', `cat '${file}' > '${pipe}'`]);
    const { status, stdout } = verify(pipe, '--at', `${NOW}`, '--root', root, '--any-pcrs', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ valid: true });
    expect(status).toBe(0);
  });

  it.each([
    ['no PCR expectation', [file]],
    ['PCRs expected and not', [file, '--any-pcrs', '--pcr0', PCR0]],
    ['a PCR of another length', [file, '--pcr0', '00']],
    ['a zero PCR', [file, '--pcr0', '00'.repeat(48)]],
    ['half a byte', [file, '--any-pcrs', '--nonce', '0']],
    ['a time that is none', [file, '--any-pcrs', '--at', 'now']],
    ['a root that is no certificate', [file, '--any-pcrs', '--root', file]],
    ['no such file', [join(directory, 'none'), '--any-pcrs']],
  ])('exits 2 on %s', (_, args) => {
    const { status, stdout, stderr } = verify(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('error:');
  });
});
