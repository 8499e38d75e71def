import type { KubernetesObject } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { BootstrapTokens } from './bootstrap-tokens.ts';

function subject() {
  const secrets = new Set<string>();
  let now = 0;
  const kubernetes = {
    apply: async <T extends KubernetesObject>(object: T) => {
      secrets.add(object.metadata?.name ?? '');
      return object;
    },
    delete: async ({ metadata }: { metadata: { name: string } }) => void secrets.delete(metadata.name),
  };
  return { secrets, tokens: new BootstrapTokens(kubernetes, () => now), pass: (ms: number) => (now += ms) };
}

test('a node gets the same token while it lives, also when it asks twice at once, and then another', async () => {
  const { tokens, secrets, pass } = subject();
  const [first, second] = await Promise.all([tokens.issue('worker-1'), tokens.issue('worker-1')]);
  expect(second).toEqual(first);
  expect(tokens.nodeOf(first.id)).toBe('worker-1');
  pass(600_000);
  expect(tokens.nodeOf(first.id)).toBeUndefined();
  expect((await tokens.issue('worker-1')).id).not.toBe(first.id);
  expect(secrets.size).toBe(1);
});

test('a token serves one public key and ends when it is revoked', async () => {
  const { tokens, secrets } = subject();
  const { id } = await tokens.issue('worker-1');
  expect([tokens.claim(id, 'a'), tokens.claim(id, 'a'), tokens.claim(id, 'b')]).toEqual([true, true, false]);
  await tokens.revoke('worker-1');
  expect(tokens.nodeOf(id)).toBeUndefined();
  expect(secrets.size).toBe(0);
});
