import { setTimeout as sleep } from 'node:timers/promises';
import type { CheckpointCertificate } from '@daasvader/checkpoint/committee.ts';
import { digestOf } from '@daasvader/checkpoint/digest.ts';
import { CheckpointContents, CheckpointSummary, TransactionEvents } from '@daasvader/checkpoint/layouts.ts';
import { encodeSigners } from '@daasvader/checkpoint/signers.ts';
import { bcs } from '@mysten/sui/bcs';
import type { GrpcTypes } from '@mysten/sui/grpc';
import { Validators } from '../chain/validators.ts';
import type { Devnet } from '../devnet.ts';
import type { Lie } from './front.ts';

type Checkpoint = GrpcTypes.Checkpoint;
type Contents = typeof CheckpointContents.$inferType;
/** How far up a forgery of an event is made to fit; from there on it does not. */
type Depth = 'events' | 'effects' | 'contents' | 'summary';

/** Lies about checkpoints with events; the rest is told as it is. */
export const LIES = {
  /** An event with other fields. */
  'forged event': () => aboutEvents((checkpoint) => [forge(checkpoint, 'events')]),
  /** And effects that name it. */
  'forged effects': () => aboutEvents((checkpoint) => [forge(checkpoint, 'effects')]),
  /** And contents that name those. */
  'forged contents': () => aboutEvents((checkpoint) => [forge(checkpoint, 'contents')]),
  /** And a summary that names those, under the true signature of the true one. */
  'forged summary': () => aboutEvents((checkpoint) => [forge(checkpoint, 'summary')]),
  /** A whole forgery, signed by fewer validators than it takes. */
  'below quorum': ({ chain }) =>
    aboutEvents((checkpoint) => {
      const forged = forge(checkpoint, 'summary');
      return [signed(forged, chain.committee.certify(bytesOf(forged.summary), [0, 1]))];
    }),
  /** The same, with the name of a third who did not sign. */
  'claimed quorum': ({ chain }) =>
    aboutEvents((checkpoint) => {
      const forged = forge(checkpoint, 'summary');
      const certificate = chain.committee.certify(bytesOf(forged.summary), [0, 1]);
      return [signed(forged, { ...certificate, bitmap: encodeSigners([0, 1, 2]) })];
    }),
  /** A whole forgery, signed by all of another committee. */
  'wrong committee': ({ chain }) => {
    const strangers = Validators.derive(Buffer.from('strangers'), chain.committee.epoch);
    return aboutEvents((checkpoint) => {
      const forged = forge(checkpoint, 'summary');
      return [signed(forged, strangers.certify(bytesOf(forged.summary)))];
    });
  },
  /** The true checkpoint with a certificate of the epoch after. */
  'wrong epoch': ({ chain }) => {
    const later = Validators.derive(chain.secret, chain.committee.epoch + 1n);
    return aboutEvents((checkpoint) => [signed(checkpoint, later.certify(bytesOf(checkpoint.summary)))]);
  },
  /** The true checkpoint, signed by a member that does not exist. */
  'wrong signer': () =>
    aboutEvents((checkpoint) => [
      { ...checkpoint, signature: { ...checkpoint.signature, bitmap: encodeSigners([0, 1, 2, 9]) } },
    ]),
  /** The true summary with the contents of another checkpoint. */
  'other contents': ({ chain }) => {
    const other = chain.store.checkpoint(0)!.contents;
    return aboutEvents((checkpoint) => [
      { ...checkpoint, contents: { bcs: { value: other }, transactions: [] } },
    ]);
  },
  'dropped checkpoint': () => aboutEvents(() => []),
  'dropped transactions': () => aboutEvents((checkpoint) => [{ ...checkpoint, transactions: [] }]),
  'dropped events': () =>
    aboutEvents((checkpoint) => [
      { ...checkpoint, transactions: checkpoint.transactions.map(({ events: _, ...rest }) => rest) },
    ]),
  /** Each with its successor before it. */
  reordered: () => {
    let held: Checkpoint | undefined;
    return (checkpoint) => {
      const told = held ? [checkpoint, held] : [];
      held = held ? undefined : checkpoint;
      return told;
    };
  },
  duplicated: () => (checkpoint) => [checkpoint, checkpoint],
  /** The first one again and again. */
  stale: () => {
    let first: Checkpoint | undefined;
    return (checkpoint) => {
      first ??= checkpoint;
      return [first];
    };
  },
  /** Nothing. */
  silent: () => () => [],
  /** Nothing, to whoever asks for a checkpoint either, and without an end. */
  hanging: () => () => new Promise(() => undefined),
  /** An empty checkpoint in place of the true one, after which the chain goes on. */
  forked: () => aboutEvents((checkpoint) => [empty(checkpoint)]),
} satisfies Record<string, (devnet: Devnet) => Lie>;

/** How late, in ms, a front that lags tells each checkpoint; under load it falls ever further behind. */
export const LAG_MS = 2_000;

/** What a front can be told to do by name, with hyphens for spaces: all lies, and the truth too late. */
export const FRONTS: Record<string, (devnet: Devnet) => Lie> = Object.fromEntries([
  ...Object.entries(LIES).map(([name, lie]) => [name.replaceAll(' ', '-'), lie]),
  ['lagging', () => (checkpoint: Checkpoint) => sleep(LAG_MS, [checkpoint], { ref: false })],
]);

function aboutEvents(lie: Lie): Lie {
  const hasEvents = ({ transactions }: Checkpoint) => transactions.some(({ events }) => events?.bcs?.value);
  return (checkpoint) => (hasEvents(checkpoint) ? lie(checkpoint) : [checkpoint]);
}

function signed(checkpoint: Checkpoint, certificate: CheckpointCertificate): Checkpoint {
  return { ...checkpoint, signature: { ...certificate } };
}

/** Changes the last byte of each event, and whatever has to change with it up to `depth`. */
function forge(checkpoint: Checkpoint, depth: Depth): Checkpoint {
  const effectsDigests = new Map<string, string>();
  const transactions = checkpoint.transactions.map((transaction) => {
    if (!transaction.events?.bcs?.value) return transaction;
    const events = forgedEvents(bytesOf(transaction.events));
    const effects =
      depth === 'events'
        ? bytesOf(transaction.effects)
        : withEvents(bytesOf(transaction.effects), digestOf('TransactionEvents', events));
    effectsDigests.set(transaction.digest!, digestOf('TransactionEffects', effects));
    return {
      ...transaction,
      events: { ...transaction.events, bcs: { value: events } },
      effects: { ...transaction.effects!, bcs: { value: effects } },
    };
  });
  const forged = { ...checkpoint, transactions };
  if (depth === 'events' || depth === 'effects') return forged;
  const contents = withEffects(bytesOf(checkpoint.contents), effectsDigests);
  const withContents = { ...forged, contents: { bcs: { value: contents }, transactions: [] } };
  return depth === 'contents'
    ? withContents
    : withSummary(withContents, digestOf('CheckpointContents', contents));
}

function empty(checkpoint: Checkpoint): Checkpoint {
  const nothing = CheckpointContents.serialize({ V1: { transactions: [], userSignatures: [] } }).toBytes();
  const without = {
    ...checkpoint,
    transactions: [],
    contents: { bcs: { value: nothing }, transactions: [] },
  };
  return withSummary(without, digestOf('CheckpointContents', nothing));
}

function forgedEvents(bytes: Uint8Array): Uint8Array {
  const data = TransactionEvents.parse(bytes).data.map((event) => {
    const contents = Uint8Array.from(event.contents);
    contents[contents.length - 1]! ^= 1;
    return { ...event, contents };
  });
  return TransactionEvents.serialize({ data }).toBytes();
}

function withEvents(bytes: Uint8Array, eventsDigest: string): Uint8Array {
  const { V2 } = bcs.TransactionEffects.parse(bytes);
  return bcs.TransactionEffects.serialize({ V2: { ...V2!, eventsDigest } }).toBytes();
}

function withEffects(bytes: Uint8Array, digests: ReadonlyMap<string, string>): Uint8Array {
  const { V1 } = CheckpointContents.parse(bytes) as Contents;
  const transactions = V1!.transactions.map(({ transaction, effects }) => ({
    transaction,
    effects: digests.get(transaction) ?? effects,
  }));
  return CheckpointContents.serialize({ V1: { ...V1!, transactions } }).toBytes();
}

function withSummary(checkpoint: Checkpoint, contentDigest: string): Checkpoint {
  const summary = CheckpointSummary.parse(bytesOf(checkpoint.summary));
  const value = CheckpointSummary.serialize({ ...summary, contentDigest }).toBytes();
  return { ...checkpoint, summary: { ...checkpoint.summary!, bcs: { value } } };
}

function bytesOf(message: { bcs?: { value?: Uint8Array } } | undefined): Uint8Array {
  return message!.bcs!.value!;
}
