import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';

/** Until Kubernetes is in Go's build cache, where `k3s/build` puts it, this takes as long as that. */
const TIMEOUT_MS = 1_800_000;

test('go test passes for every package', { timeout: TIMEOUT_MS }, async () => {
  const go = spawn(join(import.meta.dirname, 'build'), ['test'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [code]] = await Promise.all([text(go.stdout), text(go.stderr), once(go, 'exit')]);
  expect(code, stdout + stderr).toBe(0);
  for (const name of ['admission', 'check', 'policies', 'server', 'agent', 'pki', 'pause', 'overlay'])
    expect(stdout).toMatch(new RegExp(`^ok\\s+daasvader/k3s/${name}\\s`, 'm'));
});
