/**
 * What believing nothing costs: certificates checked per second, and checkpoints of a devnet caught up with, empty ones
 * and such with an event of ours in each.
 */

import { cpus } from 'node:os';
import { encodeEvent } from '@daasvader/chain/events.ts';
import { Committee } from '@daasvader/checkpoint/committee.ts';
import { digestOf } from '@daasvader/checkpoint/digest.ts';
import { TransactionEvents } from '@daasvader/checkpoint/layouts.ts';
import { Trail } from '@daasvader/checkpoint/trail.ts';
import { type Checkpoint, readCheckpoint } from '@daasvader/enclave/chain/checkpoints.ts';
import { EventLog } from '@daasvader/enclave/chain/event-log.ts';
import { buildCheckpoint, type CheckpointParent } from '@daasvader/testbed/devnet/chain/checkpoint.ts';
import type { StoredCheckpoint, TransactionRecord } from '@daasvader/testbed/devnet/chain/store.ts';
import { Validators } from '@daasvader/testbed/devnet/chain/validators.ts';
import { startDevnet } from '@daasvader/testbed/devnet/devnet.ts';
import { NO_GAS } from '@daasvader/testbed/devnet/transaction/gas.ts';
import { bcs } from '@mysten/sui/bcs';
import type { GrpcTypes } from '@mysten/sui/grpc';

const CHECKPOINTS = 100_000;
/** As many arrive at once when one is far behind; one signature covers them. */
const BATCH = 256;
const CERTIFICATES = 200;
/** Validators of the devnet, and about as many as mainnet has. */
const COMMITTEES = [4, 110];

const PACKAGE = `0x${'da'.repeat(32)}`;
const LOG = `0x${'01'.repeat(32)}`;
const SCOPE = { packages: new Set([PACKAGE]), registryId: LOG, logIds: new Set([LOG]) };

const validators = Validators.derive(Buffer.from('bench'));
/** Does not sign: what is linked to a signed checkpoint needs no signature, and signing takes longer than the rest. */
const silent = {
  epoch: validators.epoch,
  members: validators.members,
  certify: () => ({ epoch: validators.epoch, signature: new Uint8Array(48), bitmap: new Uint8Array(24) }),
} as unknown as Validators;

print(`${cpus().length} × ${cpus()[0]?.model}`);
for (const size of COMMITTEES) benchCertificates(size);
const template = await anyTransaction();
for (const [name, hasEvent] of [
  ['empty', false],
  ['full', true],
] as const)
  benchCatchUp(name, hasEvent);

function benchCertificates(size: number): void {
  const signers = Validators.derive(Buffer.from('bench'), 0n, size);
  const committee = new Committee(0n, signers.members);
  const summary = new Uint8Array(300);
  const certificate = signers.certify(summary);
  const firstMs = timed(() => committee.verify(summary, certificate));
  const times = Array.from({ length: CERTIFICATES }, () =>
    timed(() => committee.verify(summary, certificate)),
  ).sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(share * (times.length - 1))]!.toFixed(1);
  const perSecond = (1_000 * times.length) / times.reduce((sum, ms) => sum + ms, 0);
  print(
    `certificates, ${size} validators: ${perSecond.toFixed(0)} per second, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, the first ${firstMs.toFixed(0)} ms`,
  );
}

function benchCatchUp(name: string, hasEvent: boolean): void {
  const trail = new Trail(new Committee(0n, validators.members));
  const log = new EventLog(LOG);
  let totalMs = 0;
  let parent: CheckpointParent | undefined;
  for (let made = 0; made < CHECKPOINTS; made += BATCH) {
    const messages: GrpcTypes.Checkpoint[] = [];
    const count = Math.min(BATCH, CHECKPOINTS - made);
    for (let i = 0; i < count; i += 1) {
      const transactions = hasEvent ? [emitting(made + i + 1)] : [];
      const signer = i === count - 1 ? validators : silent;
      const built = buildCheckpoint(signer, parent, transactions, made + i, 0);
      parent = built.parent;
      messages.push(
        messageOf(
          built.checkpoint,
          transactions.map(({ record }) => record),
        ),
      );
    }
    totalMs += timed(() => catchUp(messages, trail, log));
  }
  if (log.seq !== (hasEvent ? CHECKPOINTS : 0))
    throw new Error(`Cannot measure: ${log.seq} events were proven`);
  const perSecond = (1_000 * CHECKPOINTS) / totalMs;
  print(
    `catch-up, ${CHECKPOINTS} ${name} checkpoints: ${(totalMs / 1_000).toFixed(1)} s, ${perSecond.toFixed(0)} per second`,
  );
}

/** As the follower does it, without the network. */
function catchUp(messages: readonly GrpcTypes.Checkpoint[], trail: Trail, log: EventLog): void {
  const batch: Checkpoint[] = messages.map((message) => readCheckpoint(message, SCOPE));
  for (const checkpoint of batch) trail.append(checkpoint);
  trail.prove(batch.at(-1)!);
  for (const { facts } of batch) for (const fact of facts) if ('seq' in fact) log.take(fact);
}

function messageOf(
  { summary, contents, epoch, signature, bitmap }: StoredCheckpoint,
  records: readonly TransactionRecord[],
): GrpcTypes.Checkpoint {
  return {
    summary: { bcs: { value: summary }, commitments: [] },
    contents: { bcs: { value: contents }, transactions: [] },
    signature: { epoch, signature, bitmap },
    transactions: records.map(({ digest, effects, events }) => ({
      digest,
      effects: { bcs: { value: effects } },
      ...(events && { events: { bcs: { value: events }, events: [] } }),
    })) as unknown as GrpcTypes.ExecutedTransaction[],
  };
}

/** A transaction with one event of our log. */
function emitting(seq: number): { record: TransactionRecord; gas: typeof NO_GAS } {
  const contents = encodeEvent('RequestStartedEvent', { logId: LOG, seq, requestId: seq });
  const type = { address: PACKAGE, module: 'k8s_scheduler', name: 'RequestStartedEvent', typeParams: [] };
  const event = { packageId: PACKAGE, transactionModule: 'k8s_scheduler', sender: LOG, type, contents };
  const events = TransactionEvents.serialize({ data: [event] }).toBytes();
  const { V2 } = bcs.TransactionEffects.parse(template.effects);
  const eventsDigest = digestOf('TransactionEvents', events);
  const effects = bcs.TransactionEffects.serialize({ V2: { ...V2!, eventsDigest } }).toBytes();
  const record = { ...template, effects, effectsDigest: digestOf('TransactionEffects', effects), events };
  return { record, gas: NO_GAS };
}

/** A transaction that really happened, for its signatures and effects. */
async function anyTransaction(): Promise<TransactionRecord> {
  const devnet = await startDevnet();
  try {
    await devnet.faucet(LOG);
    const { store } = devnet.chain;
    return store.transactionsOf(store.latestCheckpoint()!.sequence).at(-1)!;
  } finally {
    await devnet.close();
  }
}

function timed(work: () => void): number {
  const from = performance.now();
  work();
  return performance.now() - from;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
