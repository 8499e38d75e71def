import { execFile } from 'node:child_process';
import { KeyObject } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { toHex } from '@daasvader/attestation/bytes.ts';
import { encodePem } from '@daasvader/attestation/pem.ts';
import { ANY } from '@daasvader/attestation/policy.ts';
import { issueRoot } from '@daasvader/attestation/testing/pki.ts';
import { verifyAttestation } from '@daasvader/attestation/verify.ts';
import { sign } from '@daasvader/eif/measure.ts';
import { readEif } from '@daasvader/eif/read.ts';
import type { SigningKey } from '@daasvader/eif/signature.ts';
import { encodeEif } from '@daasvader/eif/write.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Machine } from './machine.ts';
import { loadRoot } from './pki.ts';
import { buildPrograms } from './programs.ts';
import { Relay } from './testing/relay.ts';
import { buildRelayImage } from './testing/relay-image.ts';

const DAAS = resolve(import.meta.dirname, '../../bin/daas');

let directory: string;
let image: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daas-signed-'));
  const { path } = await buildRelayImage(directory);
  const signed = await sign(await readEif(await openAsBlob(path)), await issueSigner());
  image = join(directory, 'signed.eif');
  await writeFile(image, (await encodeEif(signed)).stream());
});

afterAll(() => rm(directory, { recursive: true }));

test('a signed image has the PCRs that we measure, PCR 8 among them, in what the machine signs', async () => {
  const { stdout } = await promisify(execFile)(DAAS, ['image', 'measure', image, '--json']);
  const { PCR0, PCR1, PCR2, PCR8 } = JSON.parse(stdout);
  expect(PCR8).toMatch(/^(?!0+$)[0-9a-f]{96}$/);

  const root = await loadRoot(join(directory, 'root'), Date.now());
  const { pcrs } = await verifyAttestation(await attest(root), Date.now(), {
    ...ANY,
    root: root.certificate,
  });
  expect([0, 1, 2, 8].map((index) => toHex(pcrs.get(index)!))).toEqual([PCR0, PCR1, PCR2, PCR8]);
});

/** Boots the image and asks its NSM for one document. */
async function attest(root: Awaited<ReturnType<typeof loadRoot>>): Promise<Uint8Array> {
  const vsock = join(directory, 'vsock');
  const relay = await Relay.listen(vsock);
  const programs = await buildPrograms();
  let console = '';
  const onConsole = (bytes: Buffer) => {
    console += bytes;
  };
  const machine = await Machine.boot({
    ...{ programs, image, root, vsock, onConsole },
    ...{ memoryMib: 256, cpus: 1, cid: 4 },
  });
  const died = machine.exited.then(({ reason }) => {
    throw new Error(`${reason}\n${console}`);
  });
  died.catch(() => {}); // it is stopped below, after the answer
  try {
    const { Attestation } = await Promise.race([relay.ask({ Attestation: {} }), died]);
    return Attestation.document;
  } finally {
    await machine.stop();
  }
}

async function issueSigner(): Promise<SigningKey> {
  const { certificate, privateKey } = await issueRoot('signer', Date.now());
  return { certificate: encodePem(certificate), key: KeyObject.from(privateKey) };
}
