import { bcs } from '@mysten/sui/bcs';

/** One event of a log as it crossed the host: nothing about it is believed before the log's head agrees. */
export interface RawEvent {
  readonly logId: string;
  readonly seq: number;
  /** Full Move type, `0x…::module::Name`. */
  readonly type: string;
  readonly bytes: Uint8Array;
  /** Digest of the transaction that emitted it, when known. */
  readonly digest?: string;
}

const Id = bcs.Address;
/** The least stake of each role, in MIST. */
const RoleStakes = bcs.struct('RoleStakes', {
  viewer: bcs.u64(),
  developer: bcs.u64(),
  admin: bcs.u64(),
  super_: bcs.u64(),
});
const LogPrefix = bcs.struct('LogPrefix', { logId: Id, seq: bcs.u64() });

/** Layouts of the contracts' events that the enclave acts upon; every logged event begins with log id and number. */
const LAYOUTS = {
  WorkerRegisteredEvent: bcs.struct('WorkerRegisteredEvent', {
    logId: Id,
    seq: bcs.u64(),
    nodeId: bcs.string(),
    owner: bcs.Address,
    sealToken: bcs.string(),
    stake: bcs.u64(),
    tokenExpiresAtMs: bcs.u64(),
  }),
  WorkerStatusChangedEvent: bcs.struct('WorkerStatusChangedEvent', {
    logId: Id,
    seq: bcs.u64(),
    nodeId: bcs.string(),
    oldStatus: bcs.u8(),
    newStatus: bcs.u8(),
  }),
  SealTokenRefreshedEvent: bcs.struct('SealTokenRefreshedEvent', {
    logId: Id,
    seq: bcs.u64(),
    nodeId: bcs.string(),
    sealToken: bcs.string(),
    tokenExpiresAtMs: bcs.u64(),
  }),
  UserStakedEvent: bcs.struct('UserStakedEvent', {
    logId: Id,
    seq: bcs.u64(),
    user: bcs.Address,
    amount: bcs.u64(),
    total: bcs.u64(),
    role: bcs.u8(),
  }),
  UserWithdrawRequestedEvent: bcs.struct('UserWithdrawRequestedEvent', {
    logId: Id,
    seq: bcs.u64(),
    user: bcs.Address,
    amount: bcs.u64(),
    total: bcs.u64(),
    role: bcs.u8(),
  }),
  RoleStakesProposedEvent: bcs.struct('RoleStakesProposedEvent', {
    logId: Id,
    seq: bcs.u64(),
    roleStakes: RoleStakes,
    proposedAtMs: bcs.u64(),
    effectiveAtMs: bcs.u64(),
  }),
  RoleGrantedEvent: bcs.struct('RoleGrantedEvent', {
    logId: Id,
    seq: bcs.u64(),
    owner: bcs.Address,
    namespace: bcs.string(),
    user: bcs.Address,
    role: bcs.u8(),
  }),
  K8sAPIRequestScheduledEvent: bcs.struct('K8sAPIRequestScheduledEvent', {
    logId: Id,
    seq: bcs.u64(),
    requestId: bcs.u64(),
    method: bcs.string(),
    path: bcs.string(),
    name: bcs.string(),
    labels: bcs.string(),
    namespace: bcs.string(),
    containerName: bcs.string(),
    image: bcs.string(),
    port: bcs.string(),
    requester: bcs.Address,
    owner: bcs.Address,
    role: bcs.u8(),
    manifest: bcs.byteVector(),
    worker: bcs.string(),
  }),
  RequestStartedEvent: bcs.struct('RequestStartedEvent', { logId: Id, seq: bcs.u64(), requestId: bcs.u64() }),
  RequestCompletedEvent: bcs.struct('RequestCompletedEvent', {
    logId: Id,
    seq: bcs.u64(),
    requestId: bcs.u64(),
    resultDigest: bcs.byteVector(),
  }),
  RequestFailedEvent: bcs.struct('RequestFailedEvent', {
    logId: Id,
    seq: bcs.u64(),
    requestId: bcs.u64(),
    reason: bcs.string(),
    applied: bcs.bool(),
  }),
  RequestCancelledEvent: bcs.struct('RequestCancelledEvent', {
    logId: Id,
    seq: bcs.u64(),
    requestId: bcs.u64(),
  }),
  RequestCancellationSettledEvent: bcs.struct('RequestCancellationSettledEvent', {
    logId: Id,
    seq: bcs.u64(),
    requestId: bcs.u64(),
    outcome: bcs.u8(),
  }),
};

type Layouts = typeof LAYOUTS;

/** A decoded event; `kind` is the name of its Move struct. */
export type ChainEvent = { [K in keyof Layouts]: { kind: K } & Layouts[K]['$inferType'] }[keyof Layouts];

/** Encodes an event, as the contracts do. */
export function encodeEvent<K extends keyof Layouts>(kind: K, fields: Layouts[K]['$inferInput']): Uint8Array {
  return (LAYOUTS[kind].serialize as (fields: unknown) => { toBytes(): Uint8Array })(fields).toBytes();
}

/** Decodes an event; undefined for a kind that the enclave only counts, such as a proposed measurement. */
export function decodeEvent({ type, bytes }: RawEvent): ChainEvent | undefined {
  const kind = nameOf(type);
  if (!Object.hasOwn(LAYOUTS, kind)) return undefined;
  const layout = LAYOUTS[kind as keyof Layouts];
  return { kind, ...layout.parse(bytes) } as ChainEvent;
}

/** Which log an event says it is of, and its number there. */
export function logPrefix(bytes: Uint8Array): { logId: string; seq: number } {
  const { logId, seq } = LogPrefix.parse(bytes);
  return { logId, seq: Number(seq) };
}

/** The name of an event's struct, without package and module. */
export function nameOf(type: string): string {
  return type.slice(type.lastIndexOf('::') + 2);
}

/** How far a log had come, and the hash over all of it. */
export interface LogHead {
  readonly logId: string;
  readonly seq: number;
  readonly head: Uint8Array;
}

const HEAD_FIELDS = { logId: Id, seq: bcs.u64(), head: bcs.byteVector() };
const Head = bcs.struct('LogHead', HEAD_FIELDS);

/** The event of a heartbeat: the heads of all logs at one moment of the chain. */
export const HeartbeatEvent = bcs.struct('HeartbeatEvent', {
  registry: Head,
  workers: Head,
  staking: Head,
  scheduler: Head,
  epoch: bcs.u64(),
  stateVersion: bcs.u64(),
  auditHead: bcs.byteVector(),
  timestampMs: bcs.u64(),
});

/** The heads that a heartbeat states. */
export function decodeHeartbeat(bytes: Uint8Array): { heads: LogHead[]; timestampMs: number; epoch: bigint } {
  const { registry, workers, staking, scheduler, timestampMs, epoch } = HeartbeatEvent.parse(bytes);
  const heads = [registry, workers, staking, scheduler].map(({ logId, seq, head }) => ({
    logId,
    seq: Number(seq),
    head: Uint8Array.from(head),
  }));
  return { heads, timestampMs: Number(timestampMs), epoch: BigInt(epoch) };
}
