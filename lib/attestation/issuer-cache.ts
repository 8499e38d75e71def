import type { Certificate } from './certificate.ts';

/** A few regions' worth of issuers; with certificates of at most 1 KiB, below a megabyte. */
const DEFAULT_CAPACITY = 256;

/**
 * Remembers which issuers' certificates were found to be signed by whom, so that a verifier of many documents
 * checks two signatures of each and not five.
 *
 * It remembers nothing else. "This key signed these bytes" stays true forever; whether the certificate is valid
 * now, and may issue what is below it, is asked again for every document. Leaves are not remembered: everyone with
 * an enclave has a new one every few hours, and issuers would be forgotten for them.
 */
export class IssuerCache {
  readonly #signed = new Set<string>();
  readonly #capacity: number;

  constructor(capacity = DEFAULT_CAPACITY) {
    this.#capacity = capacity;
  }

  /** Whether `issuer` is known to have signed `certificate`, which then counts as used last. */
  has(certificate: Certificate, issuer: Certificate): boolean {
    const key = keyOf(certificate, issuer);
    const known = this.#signed.delete(key);
    if (known) this.#signed.add(key);
    return known;
  }

  /** To be called once the chain down to `certificate` is verified. What was unused for longest makes room. */
  add(certificate: Certificate, issuer: Certificate): void {
    this.#signed.add(keyOf(certificate, issuer));
    if (this.#signed.size <= this.#capacity) return;
    for (const oldest of this.#signed) {
      this.#signed.delete(oldest);
      break;
    }
  }
}

/** The bytes themselves and no digest of them: there is nothing to collide. */
function keyOf(certificate: Certificate, issuer: Certificate): string {
  return String.fromCharCode(...issuer.publicKey, ...certificate.raw);
}
