import { TransactionEvents } from '@daasvader/checkpoint/layouts.ts';
import { bcs } from '@mysten/sui/bcs';
import { structToTypeName } from '../transaction/type-name.ts';
import type { StoredTransaction } from './store.ts';

/** What a person wants to see of a transaction. */
export interface TransactionSummary {
  checkpoint: number;
  digest: string;
  status: 'Success' | 'Failure';
  /** Why it failed, as effects say it. */
  error: unknown;
  sender: string;
  /** `module::function`, or the name of another command or of a system transaction. */
  calls: string[];
  /** Changed objects: id, type and what happened to them. */
  objects: { id: string; type: string; change: 'Created' | 'Deleted' | 'Changed' }[];
  /** Types of its events. */
  events: string[];
}

/** Sums a transaction up for people: the line of `--follow`, its JSON, the page. */
export function summarise(transaction: StoredTransaction): TransactionSummary {
  const { checkpoint, digest, data, effects, events, objectTypes } = transaction;
  const { status, changedObjects } = bcs.TransactionEffects.parse(effects).V2!;
  const { kind, sender } = bcs.TransactionData.parse(data).V1;
  const calls = kind.ProgrammableTransaction?.commands.map(({ MoveCall: call, $kind }) =>
    call ? `${call.module}::${call.function}` : $kind,
  );
  return {
    checkpoint,
    digest,
    status: status.$kind,
    error: status.Failure?.error ?? null,
    sender,
    calls: calls ?? [kind.$kind],
    objects: changedObjects.map(([id, { idOperation }]) => ({
      id,
      type: objectTypes[id] ?? 'unknown',
      change: idOperation.$kind === 'None' ? 'Changed' : idOperation.$kind,
    })),
    events: events ? TransactionEvents.parse(events).data.map(({ type }) => structToTypeName(type)) : [],
  };
}
