import { printable } from '@daasvader/attestation/printable.ts';
import { TransactionEvents } from '@daasvader/checkpoint/layouts.ts';
import type { Chain } from '../chain/chain.ts';
import type { StoredTransaction } from '../chain/store.ts';
import { summarise, type TransactionSummary } from '../chain/summary.ts';
import { structToTypeName } from '../transaction/type-name.ts';

const SHOWN = 30;
/** The page asks again this often, in seconds. */
const REFRESH_S = 2;

const STYLE = `
  body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #222; }
  code, td, summary { font-family: ui-monospace, monospace; font-size: 12px; overflow-wrap: anywhere; }
  details { border-top: 1px solid #ddd; padding: .3rem 0; }
  .Failure { color: #b00; }
  td { padding: 0 1rem 0 0; vertical-align: top; }
`;

/** The newest transactions with their objects and events, as one page of HTML without scripts. */
export function page(chain: Chain): string {
  const { sequence } = chain.store.latestCheckpoint()!;
  const transactions = chain.store.recentTransactions(SHOWN);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="${REFRESH_S}">
<title>devnet</title>
<style>${STYLE}</style>
<h1>devnet</h1>
<p>Chain <code>${escapeHtml(chain.chainId)}</code>, epoch ${chain.committee.epoch}, checkpoint ${sequence},
${new Date(chain.timestampMs()).toISOString()}</p>
<h2>Newest transactions</h2>
${transactions.map((stored) => transactionHtml(summarise(stored), eventRows(chain, stored))).join('\n')}
</html>
`;
}

function eventRows({ vm }: Chain, { events }: StoredTransaction): [string, string][] {
  if (events === undefined) return [];
  return TransactionEvents.parse(events).data.map(({ type, contents }) => {
    const name = structToTypeName(type);
    return ['event', `${name} ${JSON.stringify(vm.json(name, Uint8Array.from(contents)))}`];
  });
}

function transactionHtml(summary: TransactionSummary, events: [string, string][]): string {
  const { checkpoint, digest, status, sender, calls, ...more } = summary;
  const rows = [
    ['digest', digest],
    ['sender', sender],
    ...(more.error === null ? [] : [['error', JSON.stringify(more.error)]]),
    ...more.objects.map(({ id, type, change }) => [change.toLowerCase(), `${id} ${type}`]),
    ...events,
  ];
  const cells = rows.map(([name, value]) => `<tr><td>${escapeHtml(name!)}<td>${escapeHtml(value!)}`).join('');
  return `<details><summary class="${status}">#${checkpoint} ${status} ${escapeHtml(calls.join(' '))}
(${more.objects.length} objects, ${more.events.length} events)</summary><table>${cells}</table></details>`;
}

/** Anyone chooses what transactions and types are called. */
function escapeHtml(text: string): string {
  return printable(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
