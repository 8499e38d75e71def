import { DevnetError, unsupported } from '../error.ts';
import type { TransactionData } from './inputs.ts';

/**
 * Refuses a transaction outside the time and the chain that it is for. What is paid with coins may be valid for any
 * number of epochs, since its coins keep it from being executed twice.
 *
 * @throws {DevnetError} `INVALID_ARGUMENT`
 */
export function checkExpiration({ expiration }: TransactionData, epoch: bigint, chainId: string): void {
  switch (expiration.$kind) {
    case 'None':
      return;
    case 'Epoch':
      return checkWindow(epoch, null, BigInt(expiration.Epoch).toString());
    case 'ValidDuring': {
      const { minEpoch, maxEpoch, minTimestamp, maxTimestamp, chain } = expiration.ValidDuring;
      if (minTimestamp !== null || maxTimestamp !== null)
        throw invalid(
          'Feature is not supported: Timestamp-based transaction expiration is not yet supported',
        );
      if (chain !== chainId)
        throw invalid(`Invalid Chain ID: the transaction is for ${chain}, this is ${chainId}`);
      return checkWindow(epoch, minEpoch, maxEpoch);
    }
    default:
      throw unsupported(`Transaction expiration ${expiration.$kind}`);
  }
}

function checkWindow(epoch: bigint, min: string | null, max: string | null): void {
  const isEarly = min !== null && epoch < BigInt(min);
  if (isEarly || (max !== null && epoch > BigInt(max))) throw invalid('Transaction Expired');
}

function invalid(message: string): DevnetError {
  return new DevnetError('INVALID_ARGUMENT', message);
}
