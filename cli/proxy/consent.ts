import { createInterface } from 'node:readline/promises';
import { printable } from '@daasvader/attestation/printable.ts';
import { formatSui } from '../output.ts';
import { openTerminal } from '../terminal.ts';
import { Refusal } from './status.ts';

/** What an order may cost, in MIST. */
export interface Price {
  fee: bigint;
  /** The most gas that its transaction may take. */
  gasBudget: bigint;
}

/** Says whether an order may be signed. Asked of one order after the other. */
export interface Consent {
  /**
   * @param what is ordered, for people
   * @param signal fires when nobody waits for the order any more
   * @throws Refusal when it may not
   */
  ask(what: string, price: Price, signal: AbortSignal): Promise<void>;
  /** Told, in MIST, what an order that was asked for did cost. */
  spent(mist: bigint): void;
}

/** Lets all be signed, until what they cost, or may have cost, would be more than the limit. */
export class SpendingLimit implements Consent {
  readonly #limit: bigint;
  #spent = 0n;
  /** Of the order that was asked for last: what becomes of it may stay unknown. */
  #open = 0n;

  /** @param limit MIST */
  constructor(limit: bigint) {
    this.#limit = limit;
  }

  async ask(_what: string, { fee, gasBudget }: Price): Promise<void> {
    this.#spent += this.#open;
    this.#open = fee + gasBudget;
    if (this.#spent + this.#open <= this.#limit) return;
    const [spent, next] = [this.#spent, this.#open].map(formatSui);
    this.#open = 0n;
    throw new Refusal(
      403,
      `daas: Cannot sign: orders have cost ${spent} of --limit ${formatSui(this.#limit)}, and this one may cost ${next}; start again with a higher limit`,
    );
  }

  spent(mist: bigint): void {
    this.#spent += mist;
    this.#open = 0n;
  }
}

/** Asks a person on the terminal. */
export class Person implements Consent {
  async ask(what: string, { fee, gasBudget }: Price, signal: AbortSignal): Promise<void> {
    const price = `the fee is ${formatSui(fee)}, gas at most ${formatSui(gasBudget)}`;
    const answer = await askTerminal(`daas: ${printable(what)}: ${price}. Sign it? [y/N] `, signal);
    if (!/^y(es)?$/i.test(answer.trim()))
      throw new Refusal(403, 'daas: Did not sign: it was declined on the terminal');
  }

  spent(): void {}
}

async function askTerminal(question: string, signal: AbortSignal): Promise<string> {
  const terminal = openTerminal();
  if (terminal === undefined)
    throw new Refusal(
      403,
      'daas: Cannot ask whether to sign: there is no terminal; add --yes --limit SUI before the command',
    );
  const lines = createInterface({ input: terminal, output: process.stderr, terminal: false });
  const gone = new AbortController();
  lines.once('close', () => gone.abort());
  try {
    return await lines.question(question, { signal: AbortSignal.any([signal, gone.signal]) });
  } catch {
    process.stderr.write('\n');
    return ''; // nobody is there, or nobody waits for it
  } finally {
    lines.close();
    terminal.destroy();
  }
}
