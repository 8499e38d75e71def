import { createPrivateKey, KeyObject } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseCertificate } from '@daasvader/attestation/certificate.ts';
import { decodePem, encodePem } from '@daasvader/attestation/pem.ts';
import { type Identity, issueRoot } from '@daasvader/attestation/testing/pki.ts';
import { NsmError } from '@daasvader/enclave/nsm/nsm.ts';

const NAME = 'daasvader.software-nsm';
const CERTIFICATE_FILE = 'root.pem';
const KEY_FILE = 'root-key.pem';

/**
 * The root of a software NSM: made once per state directory, so that verifiers which trust `root.pem` go on
 * trusting it after a restart.
 *
 * @throws NsmError `nsm_state` when the directory holds something else
 */
export async function loadRoot(stateDir: string, now: number): Promise<Identity> {
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  // The certificate is written last: where there is none, nothing was ever issued.
  const pem = await readFile(join(stateDir, CERTIFICATE_FILE), 'utf8').catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw new NsmError('nsm_state', `Cannot read the root of the software NSM in ${stateDir}`, {
        cause: error,
      });
    },
  );
  return pem === undefined ? createRoot(stateDir, now) : readRoot(stateDir, pem);
}

async function createRoot(stateDir: string, now: number): Promise<Identity> {
  const root = await issueRoot(NAME, now);
  const key = KeyObject.from(root.privateKey).export({ format: 'pem', type: 'pkcs8' }).toString();
  await replaceFile(join(stateDir, KEY_FILE), key, 0o600);
  await replaceFile(join(stateDir, CERTIFICATE_FILE), encodePem(root.certificate), 0o644);
  return root;
}

async function readRoot(stateDir: string, pem: string): Promise<Identity> {
  const certificate = decodePem(pem);
  if (certificate === undefined)
    throw new NsmError(
      'nsm_state',
      `Cannot use ${join(stateDir, CERTIFICATE_FILE)}: not a certificate; remove both root files`,
    );
  try {
    parseCertificate(certificate);
    return { name: NAME, certificate, privateKey: await readKey(join(stateDir, KEY_FILE)) };
  } catch (cause) {
    throw new NsmError(
      'nsm_state',
      `Cannot use the root in ${stateDir}; remove both root files to make another`,
      { cause },
    );
  }
}

async function readKey(path: string): Promise<CryptoKey> {
  const pkcs8 = createPrivateKey(await readFile(path)).export({ format: 'der', type: 'pkcs8' });
  const algorithm = { name: 'ECDSA', namedCurve: 'P-384' };
  return crypto.subtle.importKey('pkcs8', new Uint8Array(pkcs8), algorithm, false, ['sign']);
}

async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  await writeFile(`${path}.new`, text, { mode });
  await rename(`${path}.new`, path);
}
