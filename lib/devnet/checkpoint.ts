import type { Committee } from './committee.ts';
import { digestOf } from './digest.ts';
import { type GasCost, NO_GAS } from './gas.ts';
import { CheckpointContents, CheckpointSummary } from './layouts.ts';
import type { StoredCheckpoint, TransactionRecord } from './store.ts';

/** What a checkpoint continues. */
export interface CheckpointParent {
  sequence: number;
  /** Base58. */
  digest: string;
  /** Of the epoch so far. */
  gas: GasCost;
}

/** A certified checkpoint, and what the next one needs to know. */
export interface BuiltCheckpoint {
  checkpoint: StoredCheckpoint;
  parent: CheckpointParent;
}

/** Builds and certifies the checkpoint after `parent`, or the first one. */
export function buildCheckpoint(
  committee: Committee,
  parent: CheckpointParent | undefined,
  transactions: { record: TransactionRecord; gas: GasCost }[],
  totalTransactions: number,
  timestampMs: number,
): BuiltCheckpoint {
  const contents = CheckpointContents.serialize({
    V1: {
      transactions: transactions.map(({ record }) => ({
        transaction: record.digest,
        effects: record.effectsDigest,
      })),
      userSignatures: transactions.map(({ record }) => record.signatures),
    },
  }).toBytes();
  const sequence = parent === undefined ? 0 : parent.sequence + 1;
  const gas = transactions.reduce((sum, transaction) => addGas(sum, transaction.gas), parent?.gas ?? NO_GAS);
  const summary = CheckpointSummary.serialize({
    epoch: committee.epoch,
    sequenceNumber: sequence,
    networkTotalTransactions: totalTransactions,
    contentDigest: digestOf('CheckpointContents', contents),
    previousDigest: parent?.digest ?? null,
    epochRollingGasCostSummary: gas,
    timestampMs,
    checkpointCommitments: [],
    endOfEpochData: null,
    versionSpecificData: [],
  }).toBytes();
  const digest = digestOf('CheckpointSummary', summary);
  const checkpoint = { sequence, digest, summary, contents, ...committee.certify(summary), timestampMs };
  return { checkpoint, parent: { sequence, digest, gas } };
}

/** @returns what the checkpoint leaves to its successor, read back after a restart */
export function parentOf(checkpoint: StoredCheckpoint): CheckpointParent {
  const gas = CheckpointSummary.parse(checkpoint.summary).epochRollingGasCostSummary;
  return {
    sequence: checkpoint.sequence,
    digest: checkpoint.digest,
    gas: {
      computationCost: BigInt(gas.computationCost),
      storageCost: BigInt(gas.storageCost),
      storageRebate: BigInt(gas.storageRebate),
      nonRefundableStorageFee: BigInt(gas.nonRefundableStorageFee),
    },
  };
}

function addGas(a: GasCost, b: GasCost): GasCost {
  return {
    computationCost: a.computationCost + b.computationCost,
    storageCost: a.storageCost + b.storageCost,
    storageRebate: a.storageRebate + b.storageRebate,
    nonRefundableStorageFee: a.nonRefundableStorageFee + b.nonRefundableStorageFee,
  };
}
