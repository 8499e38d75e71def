/** Why the verifier's caller asked for something that cannot be checked. */
type PolicyCode =
  | 'policy_root_invalid'
  | 'policy_time_invalid'
  | 'policy_expectation_missing'
  | 'policy_expectation_invalid'
  | 'policy_pcrs_missing'
  | 'policy_pcr_invalid'
  | 'policy_pcr_zero';

/** Why the bytes are not well-formed CBOR of the kind that an NSM writes. */
type CborCode =
  | 'cbor_truncated'
  | 'cbor_trailing_bytes'
  | 'cbor_too_deep'
  | 'cbor_not_minimal'
  | 'cbor_unexpected_break'
  | 'cbor_duplicate_key'
  | 'cbor_key_type'
  | 'cbor_invalid_text'
  | 'cbor_integer_too_large'
  | 'cbor_unsupported';

/** Why the envelope is not a COSE_Sign1 that an NSM signs, or not signed by its leaf certificate. */
type CoseCode =
  | 'document_too_large'
  | 'cose_structure'
  | 'cose_protected_header'
  | 'cose_algorithm'
  | 'cose_unprotected_header'
  | 'cose_payload_size'
  | 'cose_signature_length'
  | 'signature_invalid';

/** Why the payload is not a Nitro Enclaves attestation document. */
type DocumentCode =
  | 'document_structure'
  | 'document_nitrotpm'
  | 'document_field_unknown'
  | 'document_field_missing'
  | 'document_field_type'
  | 'document_field_size'
  | 'document_module_id'
  | 'document_digest'
  | 'document_timestamp'
  | 'document_pcr_count'
  | 'document_pcr_index'
  | 'document_pcr_length'
  | 'document_cabundle_size'
  | 'document_certificate_size';

/** Why the certificates do not lead to the trusted root. */
type ChainCode =
  | 'certificate_malformed'
  | 'certificate_version'
  | 'certificate_algorithm'
  | 'certificate_public_key'
  | 'certificate_date'
  | 'certificate_duplicate_extension'
  | 'certificate_unknown_critical_extension'
  | 'certificate_not_yet_valid'
  | 'certificate_expired'
  | 'chain_root_untrusted'
  | 'chain_issuer_mismatch'
  | 'chain_not_ca'
  | 'chain_path_length'
  | 'chain_key_usage'
  | 'chain_leaf_is_ca'
  | 'chain_signature_invalid';

/** Why a genuine document is not the one that was asked for. */
type ExpectationCode =
  | 'document_too_old'
  | 'document_from_future'
  | 'debug_mode'
  | 'pcr_missing'
  | 'pcr_mismatch'
  | 'nonce_missing'
  | 'nonce_mismatch'
  | 'user_data_missing'
  | 'user_data_mismatch'
  | 'public_key_missing'
  | 'public_key_mismatch';

/** Why a binding cannot be written or read. */
type BindingCode = 'binding_malformed' | 'binding_version' | 'binding_field';

/** Stable reason of a refusal: one code per reason, part of the public interface. */
export type AttestationCode =
  | PolicyCode
  | CborCode
  | CoseCode
  | DocumentCode
  | ChainCode
  | ExpectationCode
  | BindingCode;

/** Refusals that a wrong clock of the verifier's causes as well as a wrong document. */
const CLOCK_CODES: ReadonlySet<AttestationCode> = new Set<AttestationCode>([
  'document_too_old',
  'document_from_future',
  'certificate_not_yet_valid',
  'certificate_expired',
]);

/** What accompanies a refusal, as text fit for a log line. */
export interface AttestationErrorOptions extends ErrorOptions {
  expected?: string;
  actual?: string;
}

/** A document, binding or policy that was refused. Callers match on `code`. */
export class AttestationError extends Error {
  override readonly name = 'AttestationError';
  readonly code: AttestationCode;
  readonly expected: string | undefined;
  readonly actual: string | undefined;

  constructor(code: AttestationCode, message: string, options: AttestationErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.expected = options.expected;
    this.actual = options.actual;
  }

  /** Whether the verifier's own clock, if it is wrong, explains the refusal. */
  get mayBeClock(): boolean {
    return CLOCK_CODES.has(this.code);
  }
}
