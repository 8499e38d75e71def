import { AWS_NITRO_ROOT_SHA256 } from './aws-root.ts';
import { type Bytes, equalBytes, sha256, toHex } from './bytes.ts';
import { verifyChain } from './chain.ts';
import { decodeCoseSign1, verifyCoseSign1 } from './cose.ts';
import { type AttestationDocument, decodeDocument } from './document.ts';
import { seconds } from './duration.ts';
import { AttestationError } from './error.ts';
import type { IssuerCache } from './issuer-cache.ts';
import { DEBUG_PCRS, isZero, type Policy, type Rules, readPolicy, UNCHECKED } from './policy.ts';

/** One thing that was compared, or that the policy said not to compare. */
export interface Check {
  name: string;
  passed: true | 'not checked';
  detail: string;
}

/** A document that passed every check of a policy. */
export interface VerifiedDocument extends AttestationDocument {
  /** The root that was trusted: a verifier says in every answer when it was not AWS's. */
  root: { sha256: string; aws: boolean };
  /** Every check in the order it was made, for a person to read. */
  checks: readonly Check[];
}

/**
 * Verifies a Nitro Enclaves attestation document: form, certificate chain to the trusted root, signature,
 * freshness, debug mode, and what the policy expects of PCRs and fields.
 *
 * @param document COSE_Sign1 as the NSM returned it
 * @param now the verifier's clock, ms since 1970
 * @param issuers spares the signatures of issuers seen before; no check of time or constraint, and no answer changes
 * @returns what the document says, with the checks that it passed
 * @throws AttestationError with the code of the first check that failed
 *
 * @example
 * const { pcrs } = await verifyAttestation(document, Date.now(), {
 *   pcrs: { 0: pcr0, 1: pcr1, 2: pcr2 },
 *   nonce,
 *   userData: await userData(binding),
 *   publicKey: UNCHECKED,
 * });
 */
export async function verifyAttestation(
  document: Uint8Array,
  now: number,
  policy: Policy,
  issuers?: IssuerCache,
): Promise<VerifiedDocument> {
  if (!Number.isFinite(now))
    throw new AttestationError('policy_time_invalid', 'Cannot verify: the time is not a number');
  const rules = readPolicy(policy);
  // All of the document is read, into copies, before anything is awaited.
  const envelope = decodeCoseSign1(document);
  const content = decodeDocument(envelope.payload);
  const [leaf, rootDigest] = await Promise.all([
    verifyChain(rules.root, content, now, rules.maxSkewMs, issuers),
    sha256(rules.root.raw),
  ]);
  await verifyCoseSign1(envelope, leaf.publicKey);
  const root = { sha256: toHex(rootDigest), aws: toHex(rootDigest) === AWS_NITRO_ROOT_SHA256 };
  const checks = [
    passed(
      'certificate chain',
      `${content.cabundle.length + 1} certificates, root ${root.aws ? 'of AWS' : root.sha256}`,
    ),
    passed('signature', `ES384 over ${envelope.payload.length} bytes by ${content.moduleId}`),
    checkFreshness(content, now, rules),
    checkDebug(content.pcrs, rules.allowDebug),
    ...checkPcrs(content.pcrs, rules.pcrs),
    checkField('nonce', content.nonce, rules.nonce),
    checkField('user_data', content.userData, rules.userData),
    checkField('public_key', content.publicKey, rules.publicKey),
  ];
  return { ...content, root, checks };
}

function checkFreshness({ timestamp, nonce }: AttestationDocument, now: number, rules: Rules): Check {
  const { maxAgeMs, maxSkewMs } = rules;
  const actual = `${seconds(now - timestamp)} old`;
  if (now - timestamp > maxAgeMs)
    throw new AttestationError(
      'document_too_old',
      `Cannot accept document: ${whyOld(nonce, rules, actual)}`,
      {
        expected: `at most ${seconds(maxAgeMs)}`,
        actual,
      },
    );
  if (timestamp - now > maxSkewMs)
    throw new AttestationError(
      'document_from_future',
      `Cannot accept document: this clock is ${seconds(timestamp - now)} behind the document's: check it`,
      { expected: `at most ${seconds(maxSkewMs)} ahead`, actual },
    );
  return passed('freshness', `${actual}, at most ${seconds(maxAgeMs)}`);
}

/** What answers our own challenge was made after it, so that it is the clock which is wrong. */
function whyOld(nonce: Bytes | null, rules: Rules, age: string): string {
  const answers = rules.nonce !== UNCHECKED && nonce !== null && equalBytes(nonce, rules.nonce);
  if (!answers) return `too old, unless this clock is ahead: it is ${age}`;
  return `it answers the nonce and is ${age}, so this clock may be ahead of the document's: check it`;
}

function checkDebug(pcrs: AttestationDocument['pcrs'], allowDebug: boolean): Check {
  if (allowDebug) return notChecked('debug mode');
  for (const index of DEBUG_PCRS)
    if (isZero(readPcr(pcrs, index)))
      throw new AttestationError(
        'debug_mode',
        `Cannot accept document: PCR ${index} is zero, the enclave runs in debug mode`,
      );
  return passed('debug mode', `PCR ${DEBUG_PCRS.join(', ')} are not zero`);
}

function checkPcrs(pcrs: AttestationDocument['pcrs'], expected: Rules['pcrs']): Check[] {
  if (expected === UNCHECKED) return [notChecked('PCRs')];
  return [...expected].map(([index, value]) => {
    const actual = readPcr(pcrs, index);
    if (!equalBytes(actual, value))
      throw new AttestationError('pcr_mismatch', `Cannot accept document: PCR ${index} is another`, {
        expected: toHex(value),
        actual: toHex(actual),
      });
    return passed(`PCR ${index}`, toHex(actual));
  });
}

function readPcr(pcrs: AttestationDocument['pcrs'], index: number): Bytes {
  const pcr = pcrs.get(index);
  if (pcr === undefined)
    throw new AttestationError('pcr_missing', `Cannot accept document: it has no PCR ${index}`);
  return pcr;
}

/** A field that is absent is not one that is empty. */
function checkField(
  name: 'nonce' | 'user_data' | 'public_key',
  actual: Bytes | null,
  expected: Bytes | typeof UNCHECKED,
): Check {
  if (expected === UNCHECKED) return notChecked(name);
  if (actual === null)
    throw new AttestationError(`${name}_missing`, `Cannot accept document: it has no ${name}`, {
      expected: toHex(expected),
    });
  if (!equalBytes(actual, expected))
    throw new AttestationError(`${name}_mismatch`, `Cannot accept document: its ${name} is another`, {
      expected: toHex(expected),
      actual: toHex(actual),
    });
  return passed(name, toHex(actual));
}

function passed(name: string, detail: string): Check {
  return { name, passed: true, detail };
}

function notChecked(name: string): Check {
  return { name, passed: 'not checked', detail: 'the policy accepts any' };
}
