import { NATIVE_COSTS } from '../../protocol.ts';
import { abort } from '../machine.ts';
import type { NativeModule } from '../native.ts';
import type { NitroDocument } from '../types.ts';
import type { Reference, Value } from '../value.ts';

/** Abort codes of `sui::nitro_attestation`. */
const FAILURES = { parse: 1n, verify: 2n, pcrs: 3n } as const;

/** Bytes; Sui's limits on the optional fields of a document. */
const MAX_USER_DATA = 512;
const MAX_NONCE = 512;
const MAX_PUBLIC_KEY = 1024;

/** Natives of `sui::nitro_attestation`. */
export const NITRO_ATTESTATION: NativeModule = {
  load_nitro_attestation_internal: ([document, now], call) => {
    const bytes = Uint8Array.from((document as Reference).value as number[]);
    const { parse, byte, verify, certificate, certificates } = NATIVE_COSTS.nitroAttestation;
    call.charge(parse + byte * bytes.length);
    const verdict = call.session.options.nitro(bytes, now as bigint);
    if (verdict !== 'parse') call.charge(verify + certificate * certificates);
    if (typeof verdict === 'string') throw abort(FAILURES[verdict]);
    if (!withinLimits(verdict)) throw abort(FAILURES.parse);
    return toValue(verdict);
  },
};

function withinLimits({ userData, nonce, publicKey }: NitroDocument): boolean {
  const fits = (bytes: Uint8Array | undefined, limit: number) => (bytes?.length ?? 0) <= limit;
  return fits(userData, MAX_USER_DATA) && fits(nonce, MAX_NONCE) && fits(publicKey, MAX_PUBLIC_KEY);
}

/** In the order of `NitroAttestationDocument`'s fields. */
function toValue(document: NitroDocument): Value {
  return [
    [...Buffer.from(document.moduleId)],
    document.timestamp,
    [...Buffer.from(document.digest)],
    document.pcrs.map(({ index, value }) => [index, [...value]]),
    option(document.publicKey),
    option(document.userData),
    option(document.nonce),
  ];
}

function option(bytes: Uint8Array | undefined): Value {
  return [bytes ? [[...bytes]] : []];
}
