import { randomBytes } from 'node:crypto';
import { encodePem } from '@daasvader/attestation/pem.ts';
import { issueDocument } from '@daasvader/attestation/testing/issue.ts';
import { type Chain, type Identity, issueChain } from '@daasvader/attestation/testing/pki.ts';
import {
  type AttestationRequest,
  checkRequest,
  type Nsm,
  type NsmDescription,
  NsmError,
} from '@daasvader/enclave/nsm/nsm.ts';
import { measureSourceTree } from './measure.ts';
import { loadRoot } from './root.ts';

/** A leaf is replaced this long before it ends, so that no document outlives it by being under way. */
const RENEW_BEFORE_MS = 600_000;

/** An NSM has 32 registers, of which documents show the first 16 unless more are locked. */
const SHOWN_PCRS = 16;

/** Largest answer of the hardware to GetRandom. */
const MAX_RANDOM_BYTES = 256;

/** Where a software NSM keeps its root, and what it measures. */
export interface SoftwareNsmOptions {
  stateDir: string;
  /** Root of the repository that runs. */
  sourceDir: string;
  /** ms since 1970; the machine's clock when left out. */
  now?: () => number;
}

/**
 * An NSM for development: documents of the real form under a root made on this machine. It proves nothing
 * to anyone who does not trust that root, and no image contains it.
 */
export class SoftwareNsm implements Nsm {
  readonly #root: Identity;
  readonly #description: NsmDescription;
  readonly #now: () => number;
  #chain: Promise<Chain> | undefined;
  #chainEndsAt = 0;

  private constructor(root: Identity, description: NsmDescription, now: () => number) {
    this.#root = root;
    this.#description = description;
    this.#now = now;
  }

  /**
   * Loads or makes the root, and measures the source tree.
   *
   * @throws NsmError `nsm_state` or `nsm_measure`
   */
  static async create({ stateDir, sourceDir, now = Date.now }: SoftwareNsmOptions): Promise<SoftwareNsm> {
    const [root, measurement] = await Promise.all([loadRoot(stateDir, now()), measureSourceTree(sourceDir)]);
    const pcrs = new Map<number, Uint8Array>();
    for (let index = 0; index < SHOWN_PCRS; index++) pcrs.set(index, new Uint8Array(48));
    pcrs.set(0, measurement.pcr0).set(1, measurement.pcr1).set(2, measurement.pcr2);
    const moduleId = `i-software-enc${randomBytes(8).toString('hex')}`;
    return new SoftwareNsm(root, { moduleId, pcrs }, now);
  }

  /** The root that verifiers must be handed. */
  get rootPem(): string {
    return encodePem(this.#root.certificate);
  }

  async describe(): Promise<NsmDescription> {
    return this.#description;
  }

  async attest(request: AttestationRequest): Promise<Uint8Array> {
    checkRequest(request);
    const { nonce = null, userData = null, publicKey = null } = request;
    const fields = { ...this.#description, timestamp: this.#now(), nonce, userData, publicKey };
    return issueDocument(fields, await this.#currentChain());
  }

  async random(length: number): Promise<Uint8Array> {
    if (!Number.isInteger(length) || length < 1 || length > MAX_RANDOM_BYTES)
      throw new NsmError(
        'nsm_random_length',
        `Cannot give ${length} random bytes: ask for 1 to ${MAX_RANDOM_BYTES}`,
      );
    return new Uint8Array(randomBytes(length));
  }

  #currentChain(): Promise<Chain> {
    const now = this.#now();
    if (this.#chain === undefined || now > this.#chainEndsAt - RENEW_BEFORE_MS) {
      this.#chainEndsAt = now + 3 * 3_600_000;
      this.#chain = issueChain(this.#root, now);
    }
    return this.#chain;
  }
}
