/** What the enclave wants said in a document about itself; what is left out is null there. */
export interface AttestationRequest {
  nonce?: Uint8Array;
  userData?: Uint8Array;
  publicKey?: Uint8Array;
}

/** What an NSM says about the enclave that it belongs to. */
export interface NsmDescription {
  moduleId: string;
  /** 48 bytes each. */
  pcrs: ReadonlyMap<number, Uint8Array>;
}

/** Nitro Security Module: the hardware that measures an enclave, speaks for it, and gives it entropy. */
export interface Nsm {
  describe(): Promise<NsmDescription>;
  /** A fresh attestation document. */
  attest(request: AttestationRequest): Promise<Uint8Array>;
  /** `length` random bytes that the host cannot know. */
  random(length: number): Promise<Uint8Array>;
}

/** Limits of one request to an NSM: 4 KiB all told. */
const MAX_REQUEST_BYTES = 4096;

/** Stable reason of a refusal. */
export type NsmCode =
  | 'nsm_request_too_large'
  | 'nsm_random_length'
  | 'nsm_state'
  | 'nsm_measure'
  | 'nsm_device'; // there is no device, or it refused

/** A request that an NSM refuses, or an NSM that cannot start. Callers match on `code`. */
export class NsmError extends Error {
  override readonly name = 'NsmError';
  readonly code: NsmCode;

  constructor(code: NsmCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Refuses what the hardware would refuse.
 *
 * @throws NsmError `nsm_request_too_large`
 */
export function checkRequest({ nonce, userData, publicKey }: AttestationRequest): void {
  const size = [nonce, userData, publicKey].reduce((sum, field) => sum + (field?.length ?? 0), 0);
  if (size > MAX_REQUEST_BYTES)
    throw new NsmError(
      'nsm_request_too_large',
      `Cannot attest: ${size} bytes in a request of ${MAX_REQUEST_BYTES}`,
    );
}
