import { equalBytes, toHex } from './bytes.ts';
import { type Certificate, parseCertificate } from './certificate.ts';
import type { AttestationDocument } from './document.ts';
import { seconds } from './duration.ts';
import { AttestationError } from './error.ts';
import { verifyEs384 } from './es384.ts';
import { KeyUsage } from './extensions.ts';
import type { IssuerCache } from './issuer-cache.ts';

/**
 * Follows the certificates of a document from the trusted root to the leaf.
 *
 *     root ── bundle[1] ── … ── bundle[n-1] ── leaf
 *
 * The bundle's own first certificate must be the trusted root, byte for byte. Every certificate must be
 * valid at `now`, which is the verifier's clock and never the document's: that one an attacker chooses
 * by choosing the document. A leaf begins seconds before its document, so a clock that is slow by no more than
 * `maxSkewMs` sees it early, which is no harm: nobody signs with a key that does not exist yet. What has ended
 * has ended: a document is at most minutes old, so a clock that is fast by seconds refuses none for that.
 *
 * @returns the leaf, whose key may then be asked about the document's signature
 * @throws AttestationError `certificate_*` or `chain_*`
 */
export async function verifyChain(
  root: Certificate,
  document: Pick<AttestationDocument, 'cabundle' | 'certificate'>,
  now: number,
  maxSkewMs: number,
  cache?: IssuerCache,
): Promise<Certificate> {
  const issuers = document.cabundle.map(parseCertificate);
  const leaf = parseCertificate(document.certificate);
  if (!equalBytes(issuers[0]!.raw, root.raw))
    throw new AttestationError(
      'chain_root_untrusted',
      'Cannot trust document: it is issued under another root',
    );
  issuers.forEach((issuer, i) => {
    checkIssuer(issuer, issuers.length - 1 - i, `cabundle[${i}]`);
  });
  checkLeaf(leaf);
  const path = [...issuers, leaf];
  const names = path.map((certificate, i) => (certificate === leaf ? 'certificate' : `cabundle[${i}]`));
  path.forEach((certificate, i) => {
    checkValidity(certificate, now, maxSkewMs, names[i]!);
  });
  // The root is trusted because it is pinned; its signature over itself would prove nothing.
  const below = path.slice(1);
  await allHold(
    below.map((certificate, i) =>
      checkIssued(certificate, path[i]!, names[i + 1]!, certificate === leaf ? undefined : cache),
    ),
  );
  // Not before all of the chain is proven: a stranger's own issuers must not push others out.
  issuers.slice(1).forEach((issuer, i) => {
    cache?.add(issuer, issuers[i]!);
  });
  return leaf;
}

function checkIssuer({ isCa, pathLength, keyUsage }: Certificate, issuersBelow: number, name: string): void {
  if (!isCa)
    throw new AttestationError('chain_not_ca', `Cannot follow chain: ${name} is not a certificate authority`);
  if (pathLength !== undefined && pathLength < issuersBelow)
    throw new AttestationError('chain_path_length', `Cannot follow chain: too many issuers below ${name}`, {
      expected: `at most ${pathLength}`,
      actual: String(issuersBelow),
    });
  if ((keyUsage & KeyUsage.keyCertSign) === 0)
    throw new AttestationError('chain_key_usage', `Cannot follow chain: ${name} may not sign certificates`);
}

function checkLeaf({ isCa, keyUsage }: Certificate): void {
  if (isCa)
    throw new AttestationError('chain_leaf_is_ca', 'Cannot accept leaf certificate: it is an authority');
  if ((keyUsage & KeyUsage.digitalSignature) === 0)
    throw new AttestationError(
      'chain_key_usage',
      'Cannot accept leaf certificate: it may not sign documents',
    );
}

function checkValidity(
  { notBefore, notAfter }: Certificate,
  now: number,
  maxSkewMs: number,
  name: string,
): void {
  const state = `valid from ${new Date(notBefore).toISOString()} to ${new Date(notAfter).toISOString()}`;
  const details = { expected: state, actual: new Date(now).toISOString() };
  if (notBefore - now > maxSkewMs)
    throw new AttestationError(
      'certificate_not_yet_valid',
      `Cannot follow chain: ${name} begins in ${seconds(notBefore - now)}, so this clock is at least as far behind: check it`,
      details,
    );
  if (now > notAfter)
    throw new AttestationError(
      'certificate_expired',
      `Cannot follow chain: ${name} expired ${seconds(now - notAfter)} ago by this clock`,
      details,
    );
}

/** Waits for checks that are made side by side. The first in order is reported, not the first in time. */
async function allHold(checks: Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(checks))
    if (outcome.status === 'rejected') throw outcome.reason;
}

async function checkIssued(
  certificate: Certificate,
  issuer: Certificate,
  name: string,
  cache: IssuerCache | undefined,
): Promise<void> {
  if (!equalBytes(certificate.issuer, issuer.subject))
    throw new AttestationError('chain_issuer_mismatch', `Cannot follow chain: ${name} names another issuer`, {
      expected: toHex(issuer.subject),
      actual: toHex(certificate.issuer),
    });
  if (cache?.has(certificate, issuer)) return;
  if (!(await verifyEs384(issuer.publicKey, certificate.signature, certificate.signed)))
    throw new AttestationError(
      'chain_signature_invalid',
      `Cannot follow chain: ${name} is not signed by its issuer`,
    );
}
