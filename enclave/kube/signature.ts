import { SIGNATURE_SCHEME_TO_FLAG } from '@mysten/sui/cryptography';
import { EnclaveError } from '../error.ts';

/**
 * Tells a wallet whose signatures cannot be checked here that it is so, and not that it lied about its address. A zkLogin
 * proof is good for an epoch and needs keys of its providers, which no proven data of the chain tells.
 *
 * @param signature as Sui serialises it, base64
 * @throws {EnclaveError} `credential`
 */
export function assertSupportedSignature(signature: string): void {
  const [flag] = Buffer.from(signature, 'base64');
  if (flag !== SIGNATURE_SCHEME_TO_FLAG.ZkLogin) return;
  const why = 'zkLogin signatures are not supported; use a wallet with a key of its own';
  throw new EnclaveError('credential', `Cannot issue a credential: ${why}`);
}
