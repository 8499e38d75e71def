import { bcs } from '@mysten/sui/bcs';
import { type Devnet, type DevnetOptions, startDevnet } from './devnet.ts';
import type { StoredTransaction } from './store.ts';

export interface DevnetProcessOptions extends DevnetOptions {
  /** Print a line for each transaction. */
  follow?: boolean;
}

/** Starts a devnet, says how to reach it, and stops it on SIGINT or SIGTERM. */
export async function runDevnet({ follow, ...options }: DevnetProcessOptions): Promise<void> {
  const devnet = await startDevnet(options);
  console.log(describe(devnet));
  if (follow) devnet.onCheckpoint(({ sequence }) => printTransactions(devnet, sequence));
  const stop = () => void devnet.close();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

function describe({ url, chainId, accounts }: Devnet): string {
  const lines = accounts.map((keypair) => `  ${keypair.toSuiAddress()}  ${keypair.getSecretKey()}`);
  return [
    `devnet listening on ${url}`,
    `chain id ${chainId}`,
    'funded accounts (address, private key; for development only):',
    ...lines,
    `faucet: POST ${url}/v2/gas   clock: POST ${url}/time {"advance_ms": N}`,
  ].join('\n');
}

function printTransactions({ chain }: Devnet, checkpoint: number): void {
  for (const transaction of chain.store.transactionsOf(checkpoint)) console.log(followLine(transaction));
}

function followLine({ checkpoint, digest, effects, data }: StoredTransaction): string {
  const { status, changedObjects } = bcs.TransactionEffects.parse(effects).V2!;
  const { kind, sender } = bcs.TransactionData.parse(data).V1;
  const calls = kind.ProgrammableTransaction?.commands.map(({ MoveCall: call, $kind }) =>
    call ? `${call.module}::${call.function}` : $kind,
  );
  const what = calls?.join(' ') ?? kind.$kind;
  return `#${checkpoint} ${digest} ${status.$kind} ${sender.slice(0, 10)}… ${what} (${changedObjects.length} objects)`;
}
