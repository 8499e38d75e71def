import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { revokeSeat } from '@daasvader/chain/calls/admin.ts';
import { OBJECTS } from '@daasvader/chain/layouts.ts';
import { submit } from '@daasvader/chain/submit.ts';
import { attestationRoutes } from '@daasvader/enclave/api/attestation.ts';
import { createApi } from '@daasvader/enclave/api/server.ts';
import { pageRoutes } from '@daasvader/enclave/api/verify-page.ts';
import { generateKeys } from '@daasvader/enclave/boot/keys.ts';
import { SeatedCluster } from '@daasvader/testbed/cluster/seated-cluster.ts';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linkModules } from './link.ts';
import { verifierPage } from './page.ts';
import { readEnclave, readRegistry } from './registry.ts';
import { Chromium } from './testing/chromium.ts';

const DOCS = resolve(import.meta.dirname, '../docs');
const NONCE = '5a'.repeat(32);

type Row = [state: string, check: string, detail: string];

describe('in Chromium, the verifier’s page', () => {
  let cluster: SeatedCluster;
  let server: Server;
  let chromium: Chromium;
  let url: string;
  /** Answers in place of the control plane's document, when set. */
  let lie: ((document: Uint8Array) => Uint8Array) | undefined;

  beforeAll(async () => {
    cluster = await SeatedCluster.start();
    const { controlPlane } = cluster;
    const attest = async ({ nonce }: { nonce?: Uint8Array }) => {
      const document = await controlPlane.attest(Buffer.from(nonce!));
      return lie === undefined ? document : lie(document);
    };
    const routes = [attestationRoutes({ attest } as never, controlPlane.binding), pageRoutes];
    const { key, certificate } = (await generateKeys(['127.0.0.1'])).tls;
    const api = createApi(routes, pino({ enabled: false }));
    server = createServer({ key, cert: certificate }, api.callback()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    chromium = await Chromium.start();
  });

  afterAll(async () => {
    await chromium?.close();
    server?.closeAllConnections();
    server?.close();
    await cluster?.close();
  });

  const everything = () => ({
    nonce: NONCE,
    root: cluster.controlPlane.rootPem,
    fullNode: cluster.devnet.url,
    clusterId: cluster.deployment.registryId,
  });

  /** Fills in the form, checks, and reads what the page then shows. */
  async function check(fields: Record<string, string>): Promise<{ verdict: string; rows: Row[] }> {
    await chromium.evaluate(`(() => {
      const form = document.querySelector('form');
      for (const [name, value] of Object.entries(${JSON.stringify(fields)})) form.elements[name].value = value;
      form.requestSubmit();
    })()`);
    await chromium.until(`document.querySelectorAll('tr').length > 0`);
    return await chromium.evaluate(`({
      verdict: document.querySelector('output').textContent,
      rows: [...document.querySelectorAll('tr')].map((row) => [...row.cells].map((cell) => cell.textContent)),
    })`);
  }

  const states = (rows: Row[]) => Object.fromEntries(rows.map(([state, name]) => [name, state]));

  it('shows each check on the live document against the chain, and what it did not check', async () => {
    await chromium.open(`${url}/verify`);
    expect(await chromium.evaluate(`document.querySelector('[name=api]').value`)).toBe(url);
    expect(await chromium.evaluate(`document.querySelector('[name=nonce]').value`)).toMatch(/^[0-9a-f]{64}$/);
    const { verdict, rows } = await check(everything());
    expect(states(rows)).toEqual({
      'certificate chain': 'passed',
      signature: 'passed',
      freshness: 'passed',
      'debug mode': 'passed',
      nonce: 'passed',
      user_data: 'passed',
      cluster: 'passed',
      chain: 'passed',
      measurement: 'passed',
      seat: 'passed',
      'TLS key of this connection': 'NOT CHECKED',
    });
    expect(verdict).toBe('10 checks passed, 1 NOT CHECKED');
    expect(rows[0]![2]).toContain('NOT AWS');
    expect(rows.at(-1)![2]).toContain(`daas status --api ${url}`);
    expect(chromium.console).toEqual([]);
    if (process.env.SCREENSHOT !== undefined) await chromium.screenshot(process.env.SCREENSHOT, 1000, 1190);
  });

  it('says NOT CHECKED, and what does it, without a full node or a cluster id, or with one it cannot reach', async () => {
    await chromium.open(`${url}/verify`);
    const { rows } = await check({ ...everything(), fullNode: '', clusterId: '' });
    expect(states(rows)).toMatchObject({
      nonce: 'passed',
      cluster: 'NOT CHECKED',
      chain: 'NOT CHECKED',
      measurement: 'NOT CHECKED',
      seat: 'NOT CHECKED',
    });
    await chromium.open(`${url}/verify`);
    const unreachable = await check({ ...everything(), fullNode: 'http://127.0.0.1:9' });
    expect(states(unreachable.rows)).toMatchObject({
      chain: 'NOT CHECKED',
      seat: 'NOT CHECKED',
      cluster: 'passed',
    });
  });

  it('refuses a root that is not AWS’s unless it was entered', async () => {
    await chromium.open(`${url}/verify`);
    const { verdict, rows } = await check({ ...everything(), root: '' });
    expect(verdict).toContain('REFUSED');
    expect(rows[0]).toEqual(['failed', 'attestation', expect.stringContaining('[chain_root_untrusted]')]);
  });

  it('refuses a document with a bit changed, and one that answers another nonce', async () => {
    for (const [change, code] of [
      [(document: Uint8Array) => document.with(-1, document.at(-1)! ^ 1), 'signature_invalid'],
      [await otherDocument(), 'nonce_mismatch'],
    ] as const) {
      lie = change;
      await chromium.open(`${url}/verify`);
      const { verdict, rows } = await check(everything());
      lie = undefined;
      expect(verdict).toContain('REFUSED');
      expect(rows[0]![2]).toContain(`[${code}]`);
    }
  });

  it('refuses another cluster, and an enclave that is not in the seat', async () => {
    await chromium.open(`${url}/verify`);
    const other = await check({ ...everything(), clusterId: `0x${'ab'.repeat(32)}` });
    expect(other.verdict).toContain('REFUSED');
    expect(states(other.rows)).toMatchObject({ cluster: 'failed' });
    await submit(cluster.client, cluster.admin, (tx) =>
      revokeSeat(tx, cluster.deployment, cluster.admin.toSuiAddress()),
    );
    await chromium.open(`${url}/verify`);
    const { verdict, rows } = await check(everything());
    expect(verdict).toContain('REFUSED');
    expect(states(rows)).toMatchObject({ seat: 'failed', measurement: 'passed' });
  });

  it('works from a saved file as well', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'page-'));
    try {
      writeFileSync(join(folder, 'verify.html'), verifierPage());
      await chromium.open(pathToFileURL(join(folder, 'verify.html')).href);
      const { rows } = await check({ api: url, ...everything() });
      expect(states(rows)).toMatchObject({ signature: 'passed', chain: 'passed', measurement: 'passed' });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  /** A genuine document of this enclave, for a nonce that somebody else chose. */
  async function otherDocument(): Promise<() => Uint8Array> {
    const document = await cluster.controlPlane.attest(Buffer.alloc(32));
    return () => document;
  }
});

describe('the page', () => {
  it('is the saved one whose hash is published: else run `bin/node verify-page/print.ts` and publish it', () => {
    const saved = readFileSync(join(DOCS, 'verify.html'));
    expect(saved.toString()).toBe(verifierPage());
    const published = readFileSync(join(DOCS, 'verify.html.sha256'), 'utf8');
    expect(published).toBe(`${createHash('sha256').update(saved).digest('hex')}  verify.html\n`);
  });

  it('lets only its own script run, and loads nothing', () => {
    const page = verifierPage();
    expect(page).toMatch(
      /default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; connect-src/,
    );
    expect(page).not.toMatch(/\b(src|href)=|innerHTML|unsafe-/);
  });

  it('is linked from modules of which it understands every import and export', () => {
    const folder = mkdtempSync(join(tmpdir(), 'link-'));
    const link = (source: string) => {
      writeFileSync(join(folder, 'a.ts'), source);
      return linkModules(join(folder, 'a.ts'));
    };
    try {
      writeFileSync(join(folder, 'b.ts'), 'export const two: number = 2;\n');
      const script = link(
        "import { two as deux } from './b.ts';\nexport const four = (): number => deux + deux;\n",
      );
      expect(new Function(`${script}; return entry.four();`)()).toBe(4);
      for (const source of [
        "import b from './b.ts';",
        "export * from './b.ts';",
        'export default 1;',
        '// </script>',
      ])
        expect(() => link(source)).toThrow('Cannot put');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the page reads from the chain', () => {
  const address = (digit: string) => `0x${digit.repeat(64)}`;
  const bytes = (length: number, byte: number) => new Array<number>(length).fill(byte);

  it('a registry as the contract writes it', () => {
    const pcrs = { pcr0: bytes(48, 1), pcr1: bytes(48, 2), pcr2: bytes(48, 3) };
    const config = {
      chainId: 'abc',
      packageId: address('1'),
      committeeDigest: bytes(32, 4),
      committeeEpoch: 5n,
    };
    const [host, enclaveId] = [address('3'), address('5')];
    const servers = [{ id: address('8'), publicKey: bytes(96, 1), url: 'https://keys.example' }];
    const publicConfig = {
      appsDomain: 'apps.example',
      acmeDirectory: 'https://acme.example',
      acmeRoot: bytes(300, 1),
    };
    const once = <T>(current: T) => ({ current, pending: null, effectiveAtMs: 0n, isUsed: true });
    const registry = {
      ...{ id: address('2'), version: 1n, delayMs: 6n, maxDocumentAgeMs: 7n },
      parts: { workers: address('a'), staking: address('b'), scheduler: address('c'), images: address('d') },
      ...{ clusterCidr: '10.42.0.0/16', serviceCidr: '10.43.0.0/16' },
      measurements: [
        {
          ...{ version: 'v1', ...pcrs, effectiveAtMs: 8n, retireAtMs: 9n },
          ...{ releaseDigest: bytes(32, 9), stateFormat: 1n, isCompromised: true },
        },
      ],
      ...{ config: once(config), publicConfig: once(publicConfig), market: once(address('9')) },
      sealConfig: once({ threshold: 1, servers }),
      upgrades: {
        cap: { id: address('6'), package: address('1'), version: 1n, policy: 0 },
        package: { original: address('1'), current: address('1'), version: 1n },
        proposal: { digest: bytes(32, 7), effectiveAtMs: 1n },
        authorized: bytes(32, 7),
      },
      seats: { list: [{ host, effectiveAtMs: 0n, enclaveId }], epoch: 1n, lastSeated: 1n, isUsed: true },
      lease: { term: 1n, leader: { host, enclaveId }, endsAtMs: 1n, inSync: [host] },
      state: {
        ...{ identity: null, anewAtMs: null, generation: 0n, turnedAtMs: 0n, exposed: 0n },
        ...{ anchor: null, accepted: null, format: 1n },
      },
      ...{ registrations: 1n, stateVersion: 1n, log: { seq: 1n, head: bytes(32, 6) } },
    };
    const seatOf = (change: Partial<typeof registry>) =>
      readRegistry(OBJECTS.EnclaveRegistry.serialize({ ...registry, ...change }).toBytes()).seat;
    const read = readRegistry(OBJECTS.EnclaveRegistry.serialize(registry).toBytes());
    expect(read.seat).toBe(enclaveId);
    const replaced = { ...registry.seats, list: [{ host, effectiveAtMs: 0n, enclaveId: address('7') }] };
    expect(seatOf({ seats: replaced }), 'another enclave took the seat').toBe(null);
    expect(seatOf({ seats: { ...registry.seats, list: [] } }), 'the seat was revoked').toBe(null);
    expect(read.measurements).toEqual([
      {
        version: 'v1',
        pcrs: ['01', '02', '03'].map((byte) => byte.repeat(48)),
        effectiveAtMs: 8n,
        retireAtMs: 9n,
      },
    ]);
    expect(() => readRegistry(new Uint8Array(40))).toThrow('not of the form');
  });

  it('an enclave as the contract writes it', () => {
    const enclave = {
      ...{ id: address('1'), registryId: address('2'), operator: address('3'), measurementVersion: 'v1' },
      ...{ pcr0: bytes(48, 1), pcr1: bytes(48, 2), pcr2: bytes(48, 3) },
      ...{ tlsSpkiSha256: bytes(32, 4), caSha256: bytes(32, 5), hpkePublicKey: bytes(32, 6) },
      ...{ bootId: bytes(16, 7), committeeDigest: bytes(32, 8), committeeEpoch: 9n },
      ...{ documentTimestampMs: 1n, registeredAtMs: 1n, number: 1n, sponsor: null },
    };
    expect(readEnclave(OBJECTS.Enclave.serialize(enclave).toBytes())).toEqual({
      ...{ registryId: address('2'), operator: address('3'), bootId: '07'.repeat(16), committeeEpoch: 9n },
      ...{ tlsSpkiSha256: '04'.repeat(32), caSha256: '05'.repeat(32), hpkePublicKey: '06'.repeat(32) },
      committeeDigest: '08'.repeat(32),
    });
  });
});
