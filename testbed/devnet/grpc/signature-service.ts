import { bcs } from '@mysten/sui/bcs';
import type { GrpcTypes } from '@mysten/sui/grpc';
import { isValidSuiAddress, normalizeSuiAddress, toBase64 } from '@mysten/sui/utils';
import { verifyPersonalMessageSignature, verifyTransactionSignature } from '@mysten/sui/verify';
import { DevnetError, unsupported } from '../error.ts';

const ZKLOGIN = 5;

/** `sui.rpc.v2.SignatureVerificationService`. */
export function signatureService() {
  return {
    async verifySignature({
      message,
      signature,
      address,
    }: GrpcTypes.VerifySignatureRequest): Promise<GrpcTypes.VerifySignatureResponse> {
      const [signed, bytes] = [message?.value, signature?.bcs?.value];
      if (signed === undefined || bytes === undefined)
        throw new DevnetError('INVALID_ARGUMENT', 'Cannot verify signature: message or signature has no bcs');
      if (bytes[0] === ZKLOGIN) throw unsupported('Signature scheme zkLogin');
      const claimed = address === undefined ? undefined : addressOf(address);
      const signer = await signerOf(message?.name, signed, toBase64(bytes));
      if ('reason' in signer) return { isValid: false, ...signer };
      if (claimed === undefined || claimed === signer.address) return { isValid: true };
      return { isValid: false, reason: `Signed by ${signer.address}, not by ${claimed}` };
    },
  };
}

async function signerOf(
  name: string | undefined,
  message: Uint8Array,
  signature: string,
): Promise<{ address: string } | { reason: string }> {
  const verify = {
    TransactionData: () => verifyTransactionSignature(message, signature),
    PersonalMessage: () =>
      verifyPersonalMessageSignature(Uint8Array.from(bcs.byteVector().parse(message)), signature),
  }[name ?? ''];
  if (verify === undefined)
    throw new DevnetError(
      'INVALID_ARGUMENT',
      `Cannot verify signature: message is ${name}, not TransactionData or PersonalMessage`,
    );
  try {
    return { address: normalizeSuiAddress((await verify()).toSuiAddress()) };
  } catch (error) {
    return { reason: (error as Error).message };
  }
}

function addressOf(text: string): string {
  const address = normalizeSuiAddress(text);
  if (isValidSuiAddress(address)) return address;
  throw new DevnetError('INVALID_ARGUMENT', `Cannot verify signature: ${text} is not an address`);
}
