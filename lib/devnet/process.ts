import { type Devnet, type DevnetOptions, startDevnet } from './devnet.ts';
import { summarise, type TransactionSummary } from './summary.ts';

export interface DevnetProcessOptions extends DevnetOptions {
  /** Print a line for each transaction. */
  follow?: boolean;
  /** Print lines of JSON: how to reach it, `{url, chainId, accounts}`, and then each transaction that is followed. */
  json?: boolean;
}

/** Starts a devnet, says how to reach it, and stops it on SIGINT or SIGTERM. */
export async function runDevnet({ follow, json, ...options }: DevnetProcessOptions): Promise<void> {
  const devnet = await startDevnet(options);
  console.log(json ? JSON.stringify(reach(devnet)) : describe(devnet));
  const print = json ? JSON.stringify : followLine;
  if (follow) devnet.onCheckpoint(({ sequence }) => printTransactions(devnet, sequence, print));
  const stop = () => void devnet.close();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

function reach({ url, chainId, accounts }: Devnet) {
  const keys = accounts.map((keypair) => ({
    address: keypair.toSuiAddress(),
    privateKey: keypair.getSecretKey(),
  }));
  return { url, chainId, accounts: keys };
}

function describe(devnet: Devnet): string {
  const { url, chainId, accounts } = reach(devnet);
  return [
    `devnet listening on ${url}`,
    `chain id ${chainId}`,
    'funded accounts (address, private key; for development only):',
    ...accounts.map(({ address, privateKey }) => `  ${address}  ${privateKey}`),
    `page: ${url}/   faucet: POST ${url}/v2/gas`,
    `clock: POST ${url}/time {"advance_ms": N}   epoch: POST ${url}/epoch`,
  ].join('\n');
}

type Print = (summary: TransactionSummary) => string;

function printTransactions({ chain }: Devnet, checkpoint: number, print: Print): void {
  for (const transaction of chain.store.transactionsOf(checkpoint))
    console.log(print(summarise(transaction)));
}

function followLine({ checkpoint, digest, status, sender, calls, objects }: TransactionSummary): string {
  return `#${checkpoint} ${digest} ${status} ${sender.slice(0, 10)}… ${calls.join(' ')} (${objects.length} objects)`;
}
