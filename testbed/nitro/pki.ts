import { KeyObject } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import { encodePem } from '@daasvader/attestation/pem.ts';
import { type Identity, issueChain } from '@daasvader/attestation/testing/pki.ts';

export { loadRoot } from '../nsm/root.ts';

/**
 * Issues what an emulated NSM signs documents with: a new P-384 key, and the certificates that vouch for it, made and
 * limited as AWS's are (root → region → zone → instance → enclave, the last for 3 hours).
 *
 *     file: PRIVATE KEY, root, region, zone, instance, enclave (PEM)
 *
 * The file is replaced as a whole, so that the machine which reads it never sees a key with another's certificates.
 *
 * @param root from `loadRoot`, on whose certificate verifiers of the documents must be set
 * @param now ms since 1970
 * @returns when the enclave's certificate ends, ms since 1970
 */
export async function writeIdentity(file: string, root: Identity, now: number): Promise<number> {
  const { issuers, leaf, notAfter } = await issueChain(root, now);
  const key = KeyObject.from(leaf.privateKey).export({ format: 'pem', type: 'pkcs8' });
  const certificates = [...issuers, leaf].map(({ certificate }) => encodePem(certificate));
  await writeFile(`${file}.new`, [key, ...certificates].join(''), { mode: 0o600 });
  await rename(`${file}.new`, file);
  return notAfter;
}
