import { toHex } from '@daasvader/attestation/bytes.ts';
import { printable } from '@daasvader/attestation/printable.ts';
import { checkEnclave, type Question, type Row } from './checks.ts';

const NONCE_BYTES = 32;

/** Makes the page work. What comes from elsewhere is set as text with all of it seen, never as markup. */
export function startPage(document: Document): void {
  const form = document.querySelector('form')!;
  const input = (name: string) => form.elements.namedItem(name) as HTMLInputElement;
  if (document.location.protocol.startsWith('http')) input('api').value = document.location.origin;
  input('nonce').value = toHex(crypto.getRandomValues(new Uint8Array(NONCE_BYTES)));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    show(document, 'checking …', []);
    const names = ['api', 'nonce', 'root', 'fullNode', 'clusterId'] as const;
    const question = Object.fromEntries(names.map((name) => [name, input(name).value.trim()])) as never;
    checkEnclave(question as Question).then(
      (rows) => show(document, verdictOf(rows), rows),
      (error) => show(document, `REFUSED: the checks were not made, ${printable(String(error))}`, []),
    );
  });
}

/** Never plainly "valid": what was not checked is part of the verdict. */
function verdictOf(rows: readonly Row[]): string {
  const count = (state: Row['state']) => rows.filter((row) => row.state === state).length;
  if (count('failed') > 0) return 'REFUSED: do not trust this enclave';
  return `${count('passed')} checks passed, ${count('NOT CHECKED')} NOT CHECKED`;
}

function show(document: Document, verdict: string, rows: readonly Row[]): void {
  const output = document.querySelector('output')!;
  output.textContent = verdict;
  output.className = verdict.startsWith('REFUSED') ? 'failed' : '';
  const body = document.querySelector('tbody')!;
  body.replaceChildren(
    ...rows.map(({ check, state, detail }) => {
      const row = document.createElement('tr');
      row.className = state === 'NOT CHECKED' ? 'open' : state;
      for (const text of [state, check, detail]) row.insertCell().textContent = printable(text);
      return row;
    }),
  );
}
