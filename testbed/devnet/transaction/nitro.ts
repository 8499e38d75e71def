import { parseCertificate } from '@daasvader/attestation/certificate.ts';
import { AttestationError } from '@daasvader/attestation/error.ts';
import { decodePem } from '@daasvader/attestation/pem.ts';
import { ANY } from '@daasvader/attestation/policy.ts';
import { type VerifiedDocument, verifyAttestation } from '@daasvader/attestation/verify.ts';
import { fromBase64 } from '@mysten/bcs';
import { bcs } from '@mysten/sui/bcs';
import { DevnetError } from '../error.ts';
import type { NitroDocument, NitroVerifier } from '../vm/types.ts';
import { programmable, type TransactionData } from './inputs.ts';
import { ADDRESS_2 } from './type-name.ts';

type Verdict = ReturnType<NitroVerifier>;

/** Verdicts kept; a transaction asks for its own within milliseconds. */
const KEPT = 64;

/**
 * The verifier behind `0x2::nitro_attestation`. Verification is asynchronous and the VM is not, so documents are
 * verified when a transaction arrives and the VM finds the verdict here. As on Sui, age, nonce, PCR values and debug
 * mode are for the contract to judge.
 */
export class NitroVerdicts {
  readonly #root: string | undefined;
  readonly #verdicts = new Map<string, Verdict>();

  /** @throws {DevnetError} `INVALID_ARGUMENT` when the root is no certificate */
  constructor(rootPem: string | undefined) {
    if (rootPem !== undefined) checkRoot(rootPem);
    this.#root = rootPem;
  }

  /** Verifies every document that the transaction hands to `load_nitro_attestation`. */
  async prepare(data: TransactionData, nowMs: number): Promise<void> {
    for (const document of documents(data)) {
      const verdict = await this.#verify(document, nowMs);
      if (this.#verdicts.size >= KEPT) this.#verdicts.delete(this.#verdicts.keys().next().value!);
      this.#verdicts.set(keyOf(document), verdict);
    }
  }

  /** A document that was not prepared (one that a contract assembled) is refused like an unreadable one. */
  readonly verdict: NitroVerifier = (document) => this.#verdicts.get(keyOf(document)) ?? 'parse';

  async #verify(document: Uint8Array, nowMs: number): Promise<Verdict> {
    try {
      const policy = {
        ...ANY,
        maxAgeMs: Number.MAX_SAFE_INTEGER,
        maxSkewMs: Number.MAX_SAFE_INTEGER,
        allowDebug: true,
      };
      const root = this.#root === undefined ? {} : { root: this.#root };
      return toNitroDocument(await verifyAttestation(document, nowMs, { ...policy, ...root }));
    } catch (error) {
      if (!(error instanceof AttestationError)) throw error;
      if (error.code.startsWith('policy_')) throw error;
      if (error.code.startsWith('document_pcr')) return 'pcrs';
      return /^(cbor|cose|document)_/.test(error.code) ? 'parse' : 'verify';
    }
  }
}

/** A root that cannot be used must not wait for the first document to say so. */
function checkRoot(pem: string): void {
  try {
    const certificate = decodePem(pem);
    if (certificate === undefined) throw new TypeError('it holds no certificate in PEM');
    parseCertificate(certificate);
  } catch (cause) {
    const message = `Cannot use the root of attestation documents: ${(cause as Error).message}`;
    throw new DevnetError('INVALID_ARGUMENT', message, { cause });
  }
}

function documents(data: TransactionData): Uint8Array[] {
  const { inputs, commands } = programmable(data);
  return commands.flatMap((command) => {
    const call = command.$kind === 'MoveCall' ? command.MoveCall : undefined;
    if (call?.package !== ADDRESS_2 || call.function !== 'load_nitro_attestation') return [];
    const argument = call.arguments[0];
    const input = argument?.$kind === 'Input' ? inputs[argument.Input] : undefined;
    return input?.$kind === 'Pure' ? asByteVector(fromBase64(input.Pure.bytes)) : [];
  });
}

/** A pure input that is no byte vector is left for the VM to refuse. */
function asByteVector(bytes: Uint8Array): Uint8Array[] {
  try {
    return [Uint8Array.from(bcs.byteVector().parse(bytes))];
  } catch {
    return [];
  }
}

function keyOf(document: Uint8Array): string {
  return Buffer.from(document).toString('base64');
}

function toNitroDocument(document: VerifiedDocument): NitroDocument {
  const { moduleId, digest, timestamp, pcrs, publicKey, userData, nonce } = document;
  return {
    moduleId,
    digest,
    timestamp: BigInt(timestamp),
    // Sui lists only registers that hold something.
    pcrs: [...pcrs]
      .filter(([, value]) => value.some((byte) => byte !== 0))
      .map(([index, value]) => ({ index, value })),
    ...(publicKey && { publicKey }),
    ...(userData && { userData }),
    ...(nonce && { nonce }),
  };
}
