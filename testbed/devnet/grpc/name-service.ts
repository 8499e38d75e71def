import { DevnetError } from '../error.ts';

/** `sui.rpc.v2.NameService` as a full node answers on any network that is neither Mainnet nor Testnet. */
export function nameService() {
  const notConfigured = (): never => {
    throw new DevnetError('UNIMPLEMENTED', 'SuiNS not configured for this network');
  };
  return { lookupName: notConfigured, reverseLookupName: notConfigured };
}
