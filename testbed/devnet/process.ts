import { printable } from '@daasvader/attestation/printable.ts';
import { summarise, type TransactionSummary } from './chain/summary.ts';
import { type Devnet, type DevnetOptions, startDevnet } from './devnet.ts';
import { type LyingFront, startLyingFront } from './lying/front.ts';
import { FRONTS } from './lying/lies.ts';

export interface DevnetProcessOptions extends DevnetOptions {
  /** Print a line for each transaction. */
  follow?: boolean;
  /** Print lines of JSON: how to reach it, `{url, chainId, accounts}`, and then each transaction that is followed. */
  json?: boolean;
  /** Names of {@link FRONTS}: a front that lies so is opened for each, on a free port. */
  lies?: readonly string[];
}

/** A front and how it lies. */
type NamedFront = LyingFront & { lie: string };

/** Starts a devnet, says how to reach it, and stops it on SIGINT or SIGTERM. */
export async function runDevnet({
  follow,
  json,
  lies = [],
  ...options
}: DevnetProcessOptions): Promise<void> {
  const devnet = await startDevnet(options);
  const fronts = await Promise.all(
    lies.map(async (lie) => ({ lie, ...(await startLyingFront(devnet, FRONTS[lie]!(devnet))) })),
  );
  console.log(json ? JSON.stringify(reach(devnet, fronts)) : describe(devnet, fronts));
  const print = json ? JSON.stringify : followLine;
  if (follow) devnet.onCheckpoint(({ sequence }) => printTransactions(devnet, sequence, print));
  const stop = async () => {
    await Promise.all(fronts.map((front) => front.close()));
    await devnet.close();
  };
  const onSignal = () => {
    stop().catch((error: unknown) => {
      console.error(`Cannot stop the devnet in order: ${error instanceof Error ? error.message : error}`);
      process.exit(1);
    });
  };
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
}

function reach({ url, chainId, accounts }: Devnet, fronts: readonly NamedFront[]) {
  const keys = accounts.map((keypair) => ({
    address: keypair.toSuiAddress(),
    privateKey: keypair.getSecretKey(),
  }));
  const lying = fronts.map(({ lie, url }) => ({ lie, url }));
  return { url, chainId, accounts: keys, ...(lying.length > 0 && { lying }) };
}

function describe(devnet: Devnet, fronts: readonly NamedFront[]): string {
  const { url, chainId, accounts } = reach(devnet, []);
  return [
    `devnet listening on ${url}`,
    `chain id ${chainId}`,
    'funded accounts (address, private key; for development only):',
    ...accounts.map(({ address, privateKey }) => `  ${address}  ${privateKey}`),
    `page: ${url}/   faucet: POST ${url}/v2/gas`,
    `clock: POST ${url}/time {"advance_ms": N}   epoch: POST ${url}/epoch`,
    ...fronts.map((front) => `full node that lies (${front.lie}): ${front.url}`),
  ].join('\n');
}

type Print = (summary: TransactionSummary) => string;

function printTransactions({ chain }: Devnet, checkpoint: number, print: Print): void {
  for (const transaction of chain.store.transactionsOf(checkpoint))
    console.log(print(summarise(transaction)));
}

/** `#12 <digest> Failure MoveAbort 7 0x1234abcd… counter::increment (1 objects, 0 events)` */
export function followLine(summary: TransactionSummary): string {
  const { checkpoint, digest, status, error, sender, calls, objects, events } = summary;
  const what = `${sender.slice(0, 10)}… ${calls.join(' ')} (${objects.length} objects, ${events.length} events)`;
  return printable(`#${checkpoint} ${digest} ${[status, ...reasonOf(error)].join(' ')} ${what}`);
}

/** The names in a failure, and the code of an abort. */
function reasonOf(error: unknown): string[] {
  if (Array.isArray(error)) return [String(error[1])];
  if (typeof error !== 'object' || error === null || !('$kind' in error)) return [];
  const { $kind: name, [String(error.$kind)]: value } = error as Record<string, unknown>;
  const inner = (value as { kind?: unknown } | null)?.kind ?? value;
  return [String(name), ...reasonOf(inner)];
}
