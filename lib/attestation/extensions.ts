import { toHex } from './bytes.ts';
import { type DerReader, malformed, Tag } from './der.ts';
import { AttestationError } from './error.ts';

const BASIC_CONSTRAINTS = '551d13';
const KEY_USAGE = '551d0f';

/** Bits of KeyUsage as the first octet carries them (RFC 5280 §4.2.1.3). */
export const KeyUsage = { digitalSignature: 0x80, keyCertSign: 0x04 } as const;

/** What a certificate says about the use of its key. */
export interface Extensions {
  isCa: boolean;
  /** How many further issuers may follow; undefined is no limit. */
  pathLength: number | undefined;
  /** First octet of KeyUsage; 0 when the extension is absent, so that nothing is allowed. */
  keyUsage: number;
}

/**
 * Reads the extensions list of a certificate. Two are understood; of the others, any that is critical is
 * refused (RFC 5280 §4.2).
 *
 * @throws AttestationError `certificate_*`
 */
export function readExtensions(explicit: DerReader): Extensions {
  const list = explicit.enter(Tag.sequence, 'extensions');
  explicit.end('extensions');
  const seen = new Set<string>();
  let extensions: Extensions = { isCa: false, pathLength: undefined, keyUsage: 0 };
  while (list.next !== undefined) {
    const { oid, critical, value } = readExtension(list.enter(Tag.sequence, 'extension'));
    if (seen.has(oid))
      throw new AttestationError(
        'certificate_duplicate_extension',
        `Cannot read certificate: extension ${oid} twice`,
      );
    seen.add(oid);
    if (oid === BASIC_CONSTRAINTS) extensions = { ...extensions, ...readBasicConstraints(value) };
    else if (oid === KEY_USAGE) extensions = { ...extensions, keyUsage: readKeyUsage(value) };
    else if (critical) throw unknownCritical(oid);
  }
  return extensions;
}

function readExtension(extension: DerReader): { oid: string; critical: boolean; value: DerReader } {
  const oid = toHex(extension.oid('extnID'));
  const critical = extension.optionalTrue('critical');
  const value = extension.enter(Tag.octetString, 'extnValue');
  extension.end('extension');
  return { oid, critical, value };
}

function readBasicConstraints(value: DerReader): Pick<Extensions, 'isCa' | 'pathLength'> {
  const constraints = value.enter(Tag.sequence, 'basicConstraints');
  value.end('basicConstraints');
  const isCa = constraints.optionalTrue('cA');
  const pathLength = constraints.next === undefined ? undefined : readPathLength(constraints);
  constraints.end('basicConstraints');
  if (pathLength !== undefined && !isCa) throw malformed('pathLenConstraint without cA');
  return { isCa, pathLength };
}

function readPathLength(constraints: DerReader): number {
  const number = constraints.unsigned('pathLenConstraint');
  if (number.length !== 1) throw malformed('pathLenConstraint is out of bounds');
  return number[0]!;
}

/** A named bit list in DER ends with a bit that is set (X.690 §11.2.2). */
function readKeyUsage(value: DerReader): number {
  const [unused = 0, first = 0, ...rest] = value.contents(Tag.bitString, 'keyUsage');
  value.end('keyUsage');
  const last = rest.at(-1) ?? first;
  if (unused > 7 || rest.length > 1 || (last & ((2 << unused) - 1)) !== 1 << unused)
    throw malformed('keyUsage is not a list of named bits');
  return first;
}

function unknownCritical(oid: string): AttestationError {
  return new AttestationError(
    'certificate_unknown_critical_extension',
    `Cannot accept certificate: critical extension ${oid} is not understood`,
  );
}
