import type { GrpcTypes, SuiGrpcClient } from '@mysten/sui/grpc';
import { logPrefix, nameOf, type RawEvent } from './event.ts';

const PATHS = ['sequence_number', 'transactions.digest', 'transactions.events'];

/** What a checkpoint holds for us. */
export interface CheckpointEvents {
  readonly sequence: bigint;
  readonly logged: readonly RawEvent[];
  /** Contents of the heartbeats in it, which belong to no log. */
  readonly heartbeats: readonly Uint8Array[];
}

/** Checkpoints from now on, as the full node tells them. */
export async function* subscribe(
  client: SuiGrpcClient,
  packageId: string,
  signal: AbortSignal,
): AsyncGenerator<CheckpointEvents> {
  const call = client.subscriptionService.subscribeCheckpoints(
    { readMask: { paths: PATHS } },
    { abort: signal },
  );
  for await (const { checkpoint, cursor } of call.responses) {
    if (checkpoint) yield readCheckpoint(checkpoint, cursor, packageId);
  }
}

/** One checkpoint by its number; undefined when the full node does not have it (any longer). */
export async function fetchCheckpoint(
  client: SuiGrpcClient,
  packageId: string,
  sequence: bigint,
): Promise<CheckpointEvents | undefined> {
  const { response } = await client.ledgerService.getCheckpoint({
    checkpointId: { oneofKind: 'sequenceNumber', sequenceNumber: sequence },
    readMask: { paths: PATHS },
  });
  return response.checkpoint && readCheckpoint(response.checkpoint, sequence, packageId);
}

function readCheckpoint(
  checkpoint: GrpcTypes.Checkpoint,
  cursor: bigint | undefined,
  packageId: string,
): CheckpointEvents {
  const logged: RawEvent[] = [];
  const heartbeats: Uint8Array[] = [];
  for (const { digest, events } of checkpoint.transactions) {
    for (const { eventType = '', contents } of events?.events ?? []) {
      // Anyone may emit events; only those of our own package's types are the contracts'.
      if (!eventType.startsWith(`${packageId}::`) || !contents?.value) continue;
      const bytes = contents.value;
      if (nameOf(eventType) === 'HeartbeatEvent') heartbeats.push(bytes);
      else if (bytes.length >= 40)
        logged.push({ ...logPrefix(bytes), type: eventType, bytes, ...(digest && { digest }) });
    }
  }
  return { sequence: checkpoint.sequenceNumber ?? cursor ?? 0n, logged, heartbeats };
}
