import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SilentServer, startSilentServer } from '@daasvader/testbed/devnet/lying/silent-server.ts';
import { CoreV1Api } from '@kubernetes/client-node';
import { afterEach, expect, test } from 'vitest';
import { BoundedKubeConfig, type BoundedKubeConfigOptions } from './kube-config.ts';

let server: SilentServer;
let directory: string;

afterEach(async () => {
  server.close();
  await rm(directory, { recursive: true });
});

/** Asks an API server that says `words` and no more. */
async function ask(words: string, options: BoundedKubeConfigOptions): Promise<unknown> {
  server = await startSilentServer(words);
  directory = await mkdtemp(join(tmpdir(), 'kube-config-'));
  const file = join(directory, 'kubeconfig');
  const clusters = [{ name: 'c', cluster: { server: server.url, 'insecure-skip-tls-verify': true } }];
  const [users, contexts] = [
    [{ name: 'u', user: {} }],
    [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
  ];
  await writeFile(file, JSON.stringify({ clusters, users, contexts, 'current-context': 'x' }));
  return new BoundedKubeConfig(file, options).makeApiClient(CoreV1Api).readNode({ name: 'n' });
}

test.each([
  ['nothing', ''],
  ['half its headers', 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n'],
  ['half its answer', 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{'],
])('an API server that says %s and no more is given up', async (_what, words) => {
  await expect(ask(words, { answerMs: 100 })).rejects.toThrow('timeout');
});

test('a request is called off as soon as the caller has no more time', async () => {
  await expect(ask('', { signal: AbortSignal.timeout(50) })).rejects.toThrow('timeout');
});
