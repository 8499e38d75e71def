import { digestOf } from '@daasvader/checkpoint/digest.ts';
import { CheckpointContents, CheckpointSummary } from '@daasvader/checkpoint/layouts.ts';
import type { GrpcTypes } from '@mysten/sui/grpc';
import type { Chain } from '../chain/chain.ts';
import type { StoredCheckpoint } from '../chain/store.ts';
import { gasMessage } from './effects-message.ts';
import { executedMessage, signatureMessage } from './executed-message.ts';
import type { Mask } from './mask.ts';
import { timestampMessage } from './transaction-message.ts';

/** @returns a checkpoint as `sui.rpc.v2.Checkpoint`, with its certificate, contents and transactions as asked for */
export function checkpointMessage(
  chain: Chain,
  checkpoint: StoredCheckpoint,
  mask: Mask,
): GrpcTypes.Checkpoint {
  const message: GrpcTypes.Checkpoint = { transactions: [] };
  if (mask.has('sequence_number')) message.sequenceNumber = BigInt(checkpoint.sequence);
  if (mask.has('digest')) message.digest = checkpoint.digest;
  if (mask.has('summary')) message.summary = summaryMessage(checkpoint, mask.in('summary'));
  if (mask.has('signature')) {
    const { epoch, signature, bitmap } = checkpoint;
    message.signature = { epoch, signature, bitmap };
  }
  if (mask.has('contents')) message.contents = contentsMessage(checkpoint.contents, mask.in('contents'));
  if (mask.has('transactions')) {
    const transactions = chain.store.transactionsOf(checkpoint.sequence);
    message.transactions = transactions.map((transaction) =>
      executedMessage(chain, transaction, mask.in('transactions')),
    );
  }
  return message;
}

function summaryMessage(
  { summary: bytes, digest }: StoredCheckpoint,
  mask: Mask,
): GrpcTypes.CheckpointSummary {
  const summary = CheckpointSummary.parse(bytes);
  const message: GrpcTypes.CheckpointSummary = { commitments: [] };
  if (mask.has('bcs')) message.bcs = { name: 'CheckpointSummary', value: bytes };
  if (mask.has('digest')) message.digest = digest;
  if (mask.has('epoch')) message.epoch = BigInt(summary.epoch);
  if (mask.has('sequence_number')) message.sequenceNumber = BigInt(summary.sequenceNumber);
  if (mask.has('total_network_transactions'))
    message.totalNetworkTransactions = BigInt(summary.networkTotalTransactions);
  if (mask.has('content_digest')) message.contentDigest = summary.contentDigest;
  if (mask.has('previous_digest') && summary.previousDigest) message.previousDigest = summary.previousDigest;
  if (mask.has('timestamp')) message.timestamp = timestampMessage(Number(summary.timestampMs));
  if (mask.has('epoch_rolling_gas_cost_summary'))
    message.epochRollingGasCostSummary = gasMessage(summary.epochRollingGasCostSummary);
  if (mask.has('end_of_epoch_data') && summary.endOfEpochData !== null)
    message.endOfEpochData = endOfEpochMessage(summary.endOfEpochData);
  if (mask.has('version_specific_data'))
    message.versionSpecificData = Uint8Array.from(summary.versionSpecificData);
  return message;
}

function endOfEpochMessage(
  end: NonNullable<typeof CheckpointSummary.$inferType.endOfEpochData>,
): GrpcTypes.EndOfEpochData {
  const nextEpochCommittee = end.nextEpochCommittee.map(([publicKey, weight]) => ({
    publicKey: Uint8Array.from(publicKey),
    weight: BigInt(weight),
  }));
  const nextEpochProtocolVersion = BigInt(end.nextEpochProtocolVersion);
  return { nextEpochCommittee, nextEpochProtocolVersion, epochCommitments: [] };
}

function contentsMessage(bytes: Uint8Array, mask: Mask): GrpcTypes.CheckpointContents {
  const { transactions, userSignatures } = CheckpointContents.parse(bytes).V1!;
  const message: GrpcTypes.CheckpointContents = { transactions: [] };
  if (mask.has('bcs')) message.bcs = { name: 'CheckpointContents', value: bytes };
  if (mask.has('digest')) message.digest = digestOf('CheckpointContents', bytes);
  if (mask.has('version')) message.version = 1;
  if (mask.has('transactions')) {
    message.transactions = transactions.map(({ transaction, effects }, index) => ({
      transaction,
      effects,
      signatures: userSignatures[index]!.map((signature) => signatureMessage(Uint8Array.from(signature))),
      addressAliasesVersions: [],
    }));
  }
  return message;
}
