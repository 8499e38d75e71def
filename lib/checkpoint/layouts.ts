/** BCS layouts of Sui types that `@mysten/sui/bcs` lacks. Field order follows Sui's Rust definitions. */
import { bcs } from '@mysten/sui/bcs';

export const GasCostSummary = bcs.struct('GasCostSummary', {
  computationCost: bcs.u64(),
  storageCost: bcs.u64(),
  storageRebate: bcs.u64(),
  nonRefundableStorageFee: bcs.u64(),
});

/** `AuthorityPublicKeyBytes`: a compressed BLS12-381 G2 point, serialised with its length. */
const AuthorityName = bcs.byteVector();

const CheckpointCommitment = bcs.enum('CheckpointCommitment', {
  ECMHLiveObjectSetDigest: bcs.ObjectDigest,
  CheckpointArtifactsDigest: bcs.ObjectDigest,
});

const EndOfEpochData = bcs.struct('EndOfEpochData', {
  nextEpochCommittee: bcs.vector(bcs.tuple([AuthorityName, bcs.u64()])),
  nextEpochProtocolVersion: bcs.u64(),
  epochCommitments: bcs.vector(CheckpointCommitment),
});

/** sui-types `messages_checkpoint.rs`: what validators sign. */
export const CheckpointSummary = bcs.struct('CheckpointSummary', {
  epoch: bcs.u64(),
  sequenceNumber: bcs.u64(),
  networkTotalTransactions: bcs.u64(),
  contentDigest: bcs.ObjectDigest,
  previousDigest: bcs.option(bcs.ObjectDigest),
  epochRollingGasCostSummary: GasCostSummary,
  timestampMs: bcs.u64(),
  checkpointCommitments: bcs.vector(CheckpointCommitment),
  endOfEpochData: bcs.option(EndOfEpochData),
  versionSpecificData: bcs.byteVector(),
});

const ExecutionDigests = bcs.struct('ExecutionDigests', {
  transaction: bcs.ObjectDigest,
  effects: bcs.ObjectDigest,
});

/** sui-types `messages_checkpoint.rs`: the transactions of a checkpoint with their effects and signatures. */
export const CheckpointContents = bcs.enum('CheckpointContents', {
  V1: bcs.struct('CheckpointContentsV1', {
    transactions: bcs.vector(ExecutionDigests),
    userSignatures: bcs.vector(bcs.vector(bcs.byteVector())),
  }),
  V2: bcs.struct('CheckpointContentsV2', {
    transactions: bcs.vector(
      bcs.struct('CheckpointTransactionContents', {
        digests: ExecutionDigests,
        /** Each with the version of the signer's address aliases. */
        userSignatures: bcs.vector(bcs.tuple([bcs.byteVector(), bcs.option(bcs.u64())])),
      }),
    ),
  }),
});

/** sui-types `event.rs`. */
export const Event = bcs.struct('Event', {
  packageId: bcs.Address,
  transactionModule: bcs.string(),
  sender: bcs.Address,
  type: bcs.StructTag,
  contents: bcs.byteVector(),
});

export const TransactionEvents = bcs.struct('TransactionEvents', { data: bcs.vector(Event) });

/**
 * The beginning of `TransactionEffects` V2 of a transaction that succeeded (sui-types `effects_v2.rs`). What follows may
 * gain variants with any protocol version, and whoever looks for events does not need it.
 */
export const EffectsWithEvents = bcs.enum('TransactionEffects', {
  V1: null,
  V2: bcs.struct('TransactionEffectsV2', {
    status: bcs.enum('ExecutionStatus', { Success: null }),
    executedEpoch: bcs.u64(),
    gasUsed: GasCostSummary,
    transactionDigest: bcs.ObjectDigest,
    gasObjectIndex: bcs.option(bcs.u32()),
    eventsDigest: bcs.option(bcs.ObjectDigest),
  }),
});
