import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Store } from '../chain/store.ts';
import { startDevnet } from '../devnet.ts';
import { DAAS } from '../testing/devnet-process.ts';

let directory: string;

beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'daas-durable-')), 'chain');
});

afterEach(() => rm(join(directory, '..'), { recursive: true }));

/** A transaction that the faucet sends: its digest, or what is said instead. */
async function request(url: string): Promise<{ digest?: string; said: string }> {
  const body = JSON.stringify({ FixedAmountRequest: { recipient: `0x${'7'.repeat(64)}` } });
  const said = await (await fetch(`${url}/v2/gas`, { method: 'POST', body })).text();
  const digest = /"transferTxDigest":"(\w+)"/.exec(said)?.[1];
  return { said, ...(digest !== undefined && { digest }) };
}

/** The limit on a file's size stands for the end of the disk: writes beyond it fail, and nobody has to be root. */
test('when the disk is full it says so, loses nothing acknowledged, and goes on with room', async () => {
  await (await startDevnet({ stateDir: directory })).close();
  const command = `trap '' XFSZ; ulimit -f 3000; exec "$0" devnet --port 0 --json --state "$1"`;
  const child = spawn('sh', ['-c', command, DAAS, directory], { stdio: ['ignore', 'pipe', 'ignore'] });
  const exited = once(child, 'exit');
  const acknowledged: string[] = [];
  try {
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    const { url } = JSON.parse(line) as { url: string };
    let last: Awaited<ReturnType<typeof request>>;
    do {
      last = await request(url);
      if (last.digest !== undefined) acknowledged.push(last.digest);
    } while (last.digest !== undefined);
    expect(last.said).toMatch(/Cannot write the chain: .*disk is full; nothing was changed/);
    expect((await request(url)).said).toMatch(/disk is full/);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  } finally {
    child.kill('SIGKILL');
    await exited;
  }
  expect(acknowledged.length).toBeGreaterThan(10);
  const devnet = await startDevnet({ stateDir: directory });
  for (const digest of acknowledged) expect(devnet.chain.store.transaction(digest)).toBeDefined();
  expect((await request(devnet.url)).digest).toBeDefined();
  await devnet.close();
});

test('a second process on the same directory is refused, and the first goes on', async () => {
  const devnet = await startDevnet({ stateDir: directory });
  const child = spawn(DAAS, ['devnet', '--port', '0', '--state', directory], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [said] = (await once(createInterface(child.stderr), 'line')) as [string];
  const [code] = await once(child, 'exit');
  expect(said).toContain(`Cannot open the chain in ${directory}: another devnet uses it`);
  expect(code).toBe(1);
  expect((await request(devnet.url)).digest).toBeDefined();
  await devnet.close();
});

test('a database that is none, or is damaged, is refused by name and left as it is', async () => {
  await mkdir(directory);
  const file = join(directory, 'chain.db');
  await writeFile(file, 'something else '.repeat(1_000));
  await expect(startDevnet({ stateDir: directory })).rejects.toThrow(/chain.db in it is no database/);
  expect(await readFile(file, 'utf8')).toContain('something else');
  await rm(file);
  await (await startDevnet({ stateDir: directory })).close();
  const bytes = await readFile(file);
  await writeFile(file, bytes.fill(0xff, 100, 4_096));
  await expect(startDevnet({ stateDir: directory })).rejects.toThrow(/its database is damaged/);
});

/** A power cut may leave the last page of the log half written. */
test('a log that ends in the middle of a page is read up to its last whole commit', async () => {
  const devnet = await startDevnet({ stateDir: directory });
  const { digest } = await request(devnet.url);
  const [database, log] = await Promise.all(
    ['chain.db', 'chain.db-wal'].map((name) => readFile(join(directory, name))),
  );
  await request(devnet.url);
  const longer = await readFile(join(directory, 'chain.db-wal'));
  await devnet.close();
  expect(longer.length).toBeGreaterThan(log!.length);
  await writeFile(join(directory, 'chain.db'), database!);
  await writeFile(join(directory, 'chain.db-wal'), longer.subarray(0, longer.length - 2_000));
  const store = Store.open(directory);
  expect(store.transaction(digest!)).toBeDefined();
  const { sequence } = store.latestCheckpoint()!;
  expect(store.transactionsOf(sequence).length).toBeGreaterThan(0);
  store.close();
});
