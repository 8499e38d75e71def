import { type BcsType, bcs } from '@mysten/sui/bcs';

const log = { logId: bcs.Address, seq: bcs.u64() };
const bytes = bcs.byteVector();
const text = bcs.string();
const address = bcs.Address;
const u64 = bcs.u64();
const u8 = bcs.u8();

const config = bcs.struct('ClusterConfig', {
  chainId: text,
  packageId: address,
  committeeDigest: bytes,
  committeeEpoch: u64,
});
const publicConfig = bcs.struct('PublicConfig', { appsDomain: text, acmeDirectory: text, acmeRoot: bytes });
const sealConfig = bcs.struct('SealConfig', {
  threshold: u8,
  servers: bcs.vector(bcs.struct('SealServer', { id: address, publicKey: bytes, url: text })),
});
const roleStakes = bcs.struct('RoleStakes', { viewer: u64, developer: u64, admin: u64, super: u64 });
const staked = { ...log, user: address, amount: u64, total: u64, role: u8, atMs: u64 };
const request = { ...log, requestId: u64 };
const worker = { ...log, nodeId: text };
const tag = { ...log, name: text, tag: text };
const offer = {
  cpuMilli: u64,
  memoryMib: u64,
  diskGib: u64,
  cpuPrice: u64,
  memoryPrice: u64,
  diskPrice: u64,
  region: text,
  gateway: bcs.bool(),
};
const pcrs = { pcr0: bytes, pcr1: bytes, pcr2: bytes };

/** How far a log had come, as heartbeats state it. */
const LogHead = bcs.struct('LogHead', { ...log, head: bytes });

/** Up to where the sealed state is durable. */
const Anchor = bcs.struct('Anchor', { generation: u64, position: u64, digest: bytes, bytes: u64 });

/** Layouts of every event that belongs to a log, by the name of its Move struct. */
export const EVENTS = {
  ClusterCreatedEvent: bcs.struct('ClusterCreatedEvent', {
    ...log,
    workersId: address,
    stakingId: address,
    schedulerId: address,
    imagesId: address,
    delayMs: u64,
    clusterCidr: text,
    serviceCidr: text,
  }),
  MeasurementProposedEvent: bcs.struct('MeasurementProposedEvent', {
    ...log,
    version: text,
    ...pcrs,
    releaseDigest: bytes,
    stateFormat: u64,
    effectiveAtMs: u64,
  }),
  MeasurementRetiredEvent: bcs.struct('MeasurementRetiredEvent', {
    ...log,
    version: text,
    compromised: bcs.bool(),
  }),
  ConfigSetEvent: bcs.struct('ConfigSetEvent', { ...log, config, effectiveAtMs: u64 }),
  HostAppointedEvent: bcs.struct('HostAppointedEvent', { ...log, host: address, effectiveAtMs: u64 }),
  EnclaveRegisteredEvent: bcs.struct('EnclaveRegisteredEvent', {
    ...log,
    enclaveId: address,
    operator: address,
    measurementVersion: text,
  }),
  SeatTakenEvent: bcs.struct('SeatTakenEvent', {
    ...log,
    enclaveId: address,
    operator: address,
    host: address,
    epoch: u64,
  }),
  SeatRevokedEvent: bcs.struct('SeatRevokedEvent', { ...log, host: address, epoch: u64 }),
  LeadTakenEvent: bcs.struct('LeadTakenEvent', { ...log, enclaveId: address, host: address, term: u64 }),
  LeadGivenUpEvent: bcs.struct('LeadGivenUpEvent', { ...log, term: u64 }),
  IdentitySetEvent: bcs.struct('IdentitySetEvent', { ...log, caSha256: bytes, generation: u64 }),
  AnewBegunEvent: bcs.struct('AnewBegunEvent', { ...log, effectiveAtMs: u64 }),
  StateAcceptedEvent: bcs.struct('StateAcceptedEvent', {
    ...log,
    position: u64,
    digest: bytes,
    effectiveAtMs: u64,
  }),
  PublicConfigSetEvent: bcs.struct('PublicConfigSetEvent', {
    ...log,
    config: publicConfig,
    effectiveAtMs: u64,
  }),
  SealConfigSetEvent: bcs.struct('SealConfigSetEvent', { ...log, config: sealConfig, effectiveAtMs: u64 }),
  MarketSetEvent: bcs.struct('MarketSetEvent', { ...log, market: address, effectiveAtMs: u64 }),
  UpgradeProposedEvent: bcs.struct('UpgradeProposedEvent', { ...log, digest: bytes, effectiveAtMs: u64 }),
  UpgradeWithdrawnEvent: bcs.struct('UpgradeWithdrawnEvent', { ...log, digest: bytes }),
  PackageUpgradedEvent: bcs.struct('PackageUpgradedEvent', {
    ...log,
    package: address,
    version: u64,
    digest: bytes,
  }),
  WorkerRegisteredEvent: bcs.struct('WorkerRegisteredEvent', {
    ...worker,
    owner: address,
    sealToken: text,
    identityKey: bytes,
    stake: u64,
    tokenExpiresAtMs: u64,
  }),
  MinStakeProposedEvent: bcs.struct('MinStakeProposedEvent', { ...log, minStake: u64, effectiveAtMs: u64 }),
  StakeDepositedEvent: bcs.struct('StakeDepositedEvent', {
    ...worker,
    owner: address,
    amount: u64,
    total: u64,
  }),
  WorkerStatusChangedEvent: bcs.struct('WorkerStatusChangedEvent', {
    ...worker,
    oldStatus: u8,
    newStatus: u8,
  }),
  WorkerCounterEvent: bcs.struct('WorkerCounterEvent', { ...worker, counter: u64 }),
  WorkerOfferedEvent: bcs.struct('WorkerOfferedEvent', { ...worker, ...offer }),
  SealTokenRefreshedEvent: bcs.struct('SealTokenRefreshedEvent', {
    ...worker,
    sealToken: text,
    tokenExpiresAtMs: u64,
  }),
  StakeSlashedEvent: bcs.struct('StakeSlashedEvent', {
    ...worker,
    counter: u64,
    amount: u64,
    remaining: u64,
  }),
  WorkerReinstatedEvent: bcs.struct('WorkerReinstatedEvent', { ...worker, identityKey: bytes }),
  StakeWithdrawRequestedEvent: bcs.struct('StakeWithdrawRequestedEvent', { ...worker, amount: u64 }),
  StakeWithdrawnEvent: bcs.struct('StakeWithdrawnEvent', { ...worker, owner: address, amount: u64 }),
  WorkerClosedEvent: bcs.struct('WorkerClosedEvent', worker),
  RoleStakesProposedEvent: bcs.struct('RoleStakesProposedEvent', {
    ...log,
    roleStakes,
    proposedAtMs: u64,
    effectiveAtMs: u64,
  }),
  UserStakedEvent: bcs.struct('UserStakedEvent', staked),
  UserWithdrawRequestedEvent: bcs.struct('UserWithdrawRequestedEvent', staked),
  UserWithdrawnEvent: bcs.struct('UserWithdrawnEvent', { ...log, user: address, amount: u64 }),
  RoleGrantedEvent: bcs.struct('RoleGrantedEvent', {
    ...log,
    owner: address,
    namespace: text,
    user: address,
    role: u8,
  }),
  NamespaceClaimedEvent: bcs.struct('NamespaceClaimedEvent', {
    ...log,
    owner: address,
    namespace: text,
    atMs: u64,
  }),
  NamespaceReleasedEvent: bcs.struct('NamespaceReleasedEvent', { ...log, owner: address, namespace: text }),
  K8sAPIRequestScheduledEvent: bcs.struct('K8sAPIRequestScheduledEvent', {
    ...request,
    method: text,
    path: text,
    name: text,
    labels: text,
    namespace: text,
    containerName: text,
    image: text,
    port: text,
    requester: address,
    owner: address,
    role: u8,
    atMs: u64,
  }),
  KubernetesRequestEvent: bcs.struct('KubernetesRequestEvent', {
    ...request,
    method: text,
    path: text,
    query: text,
    contentType: text,
    namespace: text,
    requester: address,
    owner: address,
    role: u8,
    body: bcs.vector(bytes),
    digest: bytes,
    size: u64,
    blobId: bytes,
    atMs: u64,
  }),
  WorkerAssignedEvent: bcs.struct('WorkerAssignedEvent', { ...request, nodeId: text }),
  RequestStartedEvent: bcs.struct('RequestStartedEvent', request),
  RequestCompletedEvent: bcs.struct('RequestCompletedEvent', { ...request, resultDigest: bytes }),
  RequestFailedEvent: bcs.struct('RequestFailedEvent', { ...request, reason: text, applied: bcs.bool() }),
  RequestCancelledEvent: bcs.struct('RequestCancelledEvent', request),
  RequestCancellationSettledEvent: bcs.struct('RequestCancellationSettledEvent', { ...request, outcome: u8 }),
  FeeProposedEvent: bcs.struct('FeeProposedEvent', { ...log, fee: u64, effectiveAtMs: u64 }),
  FeesDepositedEvent: bcs.struct('FeesDepositedEvent', { ...log, owner: address, amount: u64, total: u64 }),
  FeesWithdrawnEvent: bcs.struct('FeesWithdrawnEvent', { ...log, owner: address, amount: u64, total: u64 }),
  FeesCollectedEvent: bcs.struct('FeesCollectedEvent', { ...log, host: address, amount: u64 }),
  ImagePublishedEvent: bcs.struct('ImagePublishedEvent', {
    ...tag,
    owner: address,
    digest: bytes,
    blobId: bytes,
  }),
  ImageRemovedEvent: bcs.struct('ImageRemovedEvent', tag),
  ImageNameDroppedEvent: bcs.struct('ImageNameDroppedEvent', { ...log, name: text }),
  ImageNameTransferredEvent: bcs.struct('ImageNameTransferredEvent', {
    ...log,
    name: text,
    oldOwner: address,
    newOwner: address,
  }),
};

/** Belongs to no log: it states the heads of all. */
export const HeartbeatEvent = bcs.struct('HeartbeatEvent', {
  registry: LogHead,
  workers: LogHead,
  staking: LogHead,
  scheduler: LogHead,
  epoch: u64,
  term: u64,
  stateVersion: u64,
  anchor: bcs.option(Anchor),
  auditHead: bytes,
  timestampMs: u64,
});

/** A value, and one that waits for its time. */
function timelocked<T, Input>(value: BcsType<T, Input>) {
  return bcs.struct('Timelocked', {
    current: bcs.option(value),
    pending: bcs.option(value),
    effectiveAtMs: u64,
    isUsed: bcs.bool(),
  });
}

const uid = address;
const logState = bcs.struct('Log', { seq: u64, head: bytes });
const table = bcs.struct('Table', { id: uid, size: u64 });
const parts = bcs.struct('Parts', {
  workers: address,
  staking: address,
  scheduler: address,
  images: address,
});
const measurement = bcs.struct('Measurement', {
  version: text,
  ...pcrs,
  releaseDigest: bytes,
  stateFormat: u64,
  effectiveAtMs: u64,
  retireAtMs: bcs.option(u64),
  isCompromised: bcs.bool(),
});
const upgrades = bcs.struct('Upgrades', {
  cap: bcs.struct('UpgradeCap', { id: uid, package: address, version: u64, policy: u8 }),
  package: bcs.struct('Package', { original: address, current: address, version: u64 }),
  proposal: bcs.option(bcs.struct('Proposal', { digest: bytes, effectiveAtMs: u64 })),
  authorized: bytes,
});
const seats = bcs.struct('Seats', {
  list: bcs.vector(bcs.struct('Seat', { host: address, effectiveAtMs: u64, enclaveId: bcs.option(address) })),
  epoch: u64,
  lastSeated: u64,
  isUsed: bcs.bool(),
});
const lease = bcs.struct('Lease', {
  term: u64,
  leader: bcs.option(bcs.struct('Leader', { host: address, enclaveId: address })),
  endsAtMs: u64,
  inSync: bcs.vector(address),
});
const sealedState = bcs.struct('SealedState', {
  identity: bcs.option(bcs.struct('Identity', { caSha256: bytes, generation: u64 })),
  anewAtMs: bcs.option(u64),
  generation: u64,
  turnedAtMs: u64,
  exposed: u64,
  anchor: bcs.option(Anchor),
  accepted: bcs.option(bcs.struct('Acceptance', { position: u64, digest: bytes, effectiveAtMs: u64 })),
  format: u64,
});
const hourly = bcs.struct('Hourly', { hour: u64, used: u64 });
const Stake = bcs.struct('Stake', { bonded: u64, unbonding: u64, unbondsAtMs: u64 });

/** The key of an image's table entry. */
export const ImageKey = bcs.struct('ImageKey', { name: text, tag: text });

/** Contents of the contracts' objects and table entries, by the name of their Move struct. */
export const OBJECTS = {
  EnclaveRegistry: bcs.struct('EnclaveRegistry', {
    id: uid,
    version: u64,
    parts: bcs.option(parts),
    delayMs: u64,
    maxDocumentAgeMs: u64,
    clusterCidr: text,
    serviceCidr: text,
    measurements: bcs.vector(measurement),
    config: timelocked(config),
    publicConfig: timelocked(publicConfig),
    sealConfig: timelocked(sealConfig),
    market: timelocked(address),
    upgrades,
    seats,
    lease,
    state: sealedState,
    registrations: u64,
    stateVersion: u64,
    log: logState,
  }),
  Enclave: bcs.struct('Enclave', {
    id: uid,
    registryId: address,
    operator: address,
    measurementVersion: text,
    ...pcrs,
    tlsSpkiSha256: bytes,
    caSha256: bytes,
    hpkePublicKey: bytes,
    bootId: bytes,
    committeeDigest: bytes,
    committeeEpoch: u64,
    documentTimestampMs: u64,
    registeredAtMs: u64,
    number: u64,
    sponsor: bcs.option(address),
  }),
  WorkerRegistry: bcs.struct('WorkerRegistry', {
    id: uid,
    version: u64,
    clusterId: address,
    minStake: timelocked(u64),
    tokenLifetimeMs: u64,
    workers: table,
    sealTokens: table,
    identityKeys: table,
    activeCount: u64,
    forfeited: u64,
    log: logState,
  }),
  Worker: bcs.struct('Worker', {
    nodeId: text,
    owner: address,
    stake: Stake,
    status: u8,
    sealToken: text,
    tokenExpiresAtMs: u64,
    identityKey: bytes,
    counter: u64,
    offer: bcs.option(bcs.struct('Offer', offer)),
    isSlashed: bcs.bool(),
    ownerEvents: hourly,
    createdAtMs: u64,
  }),
  WorkerCap: bcs.struct('WorkerCap', { id: uid, clusterId: address, nodeId: text }),
  StakingPool: bcs.struct('StakingPool', {
    id: uid,
    version: u64,
    clusterId: address,
    accounts: table,
    roleStakes: timelocked(roleStakes),
    grants: bcs.struct('Grants', { byNamespace: table }),
    log: logState,
  }),
  Account: bcs.struct('Account', { stake: Stake, claimed: bcs.vector(text), hour: hourly }),
  Scheduler: bcs.struct('Scheduler', {
    id: uid,
    version: u64,
    clusterId: address,
    requests: table,
    owners: bcs.struct('Owners', { rows: table }),
    workerWorkloads: bcs.struct('Workloads', { counts: table }),
    activeCount: u64,
    nextId: u64,
    fees: bcs.struct('Fees', { fee: timelocked(u64), collected: u64 }),
    log: logState,
  }),
  Owner: bcs.struct('Owner', { open: u64, hour: hourly, fees: u64 }),
  ImageRegistry: bcs.struct('ImageRegistry', {
    id: uid,
    version: u64,
    clusterId: address,
    names: table,
    images: table,
    log: logState,
  }),
  Image: bcs.struct('Image', { digest: bytes, blobId: bytes, updatedAtMs: u64 }),
  Request: bcs.struct('Request', {
    method: text,
    path: text,
    name: text,
    requester: address,
    owner: address,
    workers: bcs.vector(text),
    status: u8,
    resultDigest: bytes,
    reason: text,
    applied: bcs.bool(),
    outcome: bcs.option(u8),
    createdAtMs: u64,
    updatedAtMs: u64,
  }),
};
