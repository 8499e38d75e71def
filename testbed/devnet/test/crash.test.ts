import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestOf } from '@daasvader/checkpoint/digest.ts';
import { CheckpointSummary } from '@daasvader/checkpoint/layouts.ts';
import { compileFiles } from '@daasvader/move/compile.ts';
import { expect, onTestFinished, test } from 'vitest';
import { Store } from '../chain/store.ts';
import { startDevnet } from '../devnet.ts';

const CHILD = new URL('../testing/crash-child.ts', import.meta.url).pathname;
/** Bytecode that the chain publishes now and then. */
const MODULE = 'nothing.mv';
const LANES = 2;
const KILLS_PER_LANE = 100;
/** The kill comes this long, at most, after the first acknowledgement of a life, in ms. */
const LIFE_MS = 60;
/** Every fifth comes this long, at most, after the start: before the chain is open, too. */
const BIRTH_MS = 1_000;

const MANIFEST = '[package]\nname = "nothing"\nedition = "2024"\n[addresses]\nnothing = "0x0"\n';
const SOURCE = `module nothing::nothing;
public struct Thing has key { id: UID }
fun init(ctx: &mut TxContext) { transfer::share_object(Thing { id: object::new(ctx) }) }
`;

/** @returns the digests that a chain acknowledged before it was killed */
async function liveAndDie(directory: string, isEarly: boolean): Promise<string[]> {
  const args = ['--disable-warning=ExperimentalWarning', CHILD, directory, join(directory, MODULE)];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const acknowledged: string[] = [];
  const lines = createInterface(child.stdout);
  lines.on('line', (line) => acknowledged.push(line));
  const closed = once(lines, 'close');
  if (!isEarly) await once(lines, 'line');
  await sleep(Math.random() * (isEarly ? BIRTH_MS : LIFE_MS));
  child.kill('SIGKILL');
  const [code, signal] = await exited;
  await closed;
  expect([code, signal]).toEqual([null, 'SIGKILL']);
  return acknowledged;
}

/** Checks that a chain goes from `since` to its newest checkpoint without a hole, and returns that. */
function checkChain(store: Store, since: number): number {
  const latest = store.latestCheckpoint()!.sequence;
  for (let sequence = since + 1; sequence <= latest; sequence += 1) {
    const { digest, summary } = store.checkpoint(sequence)!;
    expect(digestOf('CheckpointSummary', summary)).toBe(digest);
    const { epoch, endOfEpochData, previousDigest, networkTotalTransactions } =
      CheckpointSummary.parse(summary);
    const next = store.checkpoint(sequence + 1);
    if (next !== undefined) expect(next.epoch).toBe(BigInt(epoch) + (endOfEpochData ? 1n : 0n));
    expect(previousDigest).toBe(store.checkpoint(sequence - 1)!.digest);
    const last = store.transactionsOf(sequence).at(-1)!;
    expect(Number(networkTotalTransactions)).toBe(last.position + 1);
  }
  return latest;
}

async function killAgainAndAgain(lane: number): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), `daas-crash-${lane}-`));
  onTestFinished(() => rm(directory, { recursive: true }));
  await (await startDevnet({ stateDir: directory })).close();
  const { modules } = await compileFiles({ 'Move.toml': MANIFEST, 'sources/nothing.move': SOURCE });
  await writeFile(join(directory, MODULE), modules[0]!);
  let [checked, acknowledged] = [0, 0];
  for (let kill = 0; kill < KILLS_PER_LANE; kill += 1) {
    const digests = await liveAndDie(directory, kill % 5 === 4);
    const store = Store.open(directory);
    for (const digest of digests) expect(store.transaction(digest), `kill ${kill}`).toBeDefined();
    checked = checkChain(store, checked);
    store.close();
    acknowledged += digests.length;
  }
  expect(Number(lastEpoch(directory))).toBeGreaterThan(0);
  return acknowledged;
}

function lastEpoch(directory: string): bigint {
  const store = Store.open(directory);
  const { epoch } = store.latestCheckpoint()!;
  store.close();
  return epoch;
}

test(`${LANES * KILLS_PER_LANE} times kill -9 lose nothing that was acknowledged`, {
  timeout: 1_800_000,
}, async () => {
  const counts = await Promise.all(Array.from({ length: LANES }, (_, lane) => killAgainAndAgain(lane)));
  const total = counts.reduce((sum, count) => sum + count);
  console.log(`crash: ${LANES * KILLS_PER_LANE} kills, ${total} transactions acknowledged, none lost`);
});
