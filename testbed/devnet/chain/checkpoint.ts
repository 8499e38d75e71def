import { digestOf } from '@daasvader/checkpoint/digest.ts';
import { CheckpointContents, CheckpointSummary } from '@daasvader/checkpoint/layouts.ts';
import { PROTOCOL_VERSION } from '../protocol.ts';
import { type GasCost, NO_GAS } from '../transaction/gas.ts';
import type { StoredCheckpoint, TransactionRecord } from './store.ts';
import type { Validators } from './validators.ts';

/** What a checkpoint continues. */
export interface CheckpointParent {
  sequence: number;
  /** Base58. */
  digest: string;
  /** Of the epoch so far; none when this checkpoint ended one. */
  gas: GasCost;
  /** The epoch that the next checkpoint belongs to. */
  epoch: bigint;
}

/** A certified checkpoint, and what the next one needs to know. */
export interface BuiltCheckpoint {
  checkpoint: StoredCheckpoint;
  parent: CheckpointParent;
}

/** Builds and certifies the checkpoint after `parent`, or the first one; with a `successor` it is the last of its epoch. */
export function buildCheckpoint(
  committee: Validators,
  parent: CheckpointParent | undefined,
  transactions: { record: TransactionRecord; gas: GasCost }[],
  totalTransactions: number,
  timestampMs: number,
  successor?: Validators,
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
  const gas = sumGas(transactions, parent);
  const summary = CheckpointSummary.serialize({
    epoch: committee.epoch,
    sequenceNumber: sequence,
    networkTotalTransactions: totalTransactions,
    contentDigest: digestOf('CheckpointContents', contents),
    previousDigest: parent?.digest ?? null,
    epochRollingGasCostSummary: gas,
    timestampMs,
    checkpointCommitments: [],
    endOfEpochData: successor === undefined ? null : endOfEpochData(successor),
    versionSpecificData: [],
  }).toBytes();
  const digest = digestOf('CheckpointSummary', summary);
  const checkpoint = { sequence, digest, summary, contents, ...committee.certify(summary), timestampMs };
  return { checkpoint, parent: parentOf(checkpoint) };
}

/** @returns gas of the epoch with these transactions, as the last one of an epoch accounts for it */
export function sumGas(transactions: { gas: GasCost }[], parent: CheckpointParent | undefined): GasCost {
  return transactions.reduce((sum, transaction) => addGas(sum, transaction.gas), parent?.gas ?? NO_GAS);
}

function endOfEpochData({ members }: Validators) {
  return {
    nextEpochCommittee: members.map(({ publicKey, weight }) => [publicKey, weight] as const),
    nextEpochProtocolVersion: PROTOCOL_VERSION,
    epochCommitments: [],
  };
}

/** @returns what the checkpoint leaves to its successor */
export function parentOf(checkpoint: StoredCheckpoint): CheckpointParent {
  const { sequence, digest, epoch } = checkpoint;
  const { epochRollingGasCostSummary: gas, endOfEpochData: end } = CheckpointSummary.parse(
    checkpoint.summary,
  );
  if (end !== null) return { sequence, digest, gas: NO_GAS, epoch: epoch + 1n };
  return {
    sequence,
    digest,
    epoch,
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
