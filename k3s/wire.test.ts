import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CONNECTION_HEADER } from '@daasvader/enclave/api/rate-limit.ts';
import { REVOKED_NODES } from '@daasvader/enclave/kube/fence.ts';
import { BOOTSTRAP_GROUP } from '@daasvader/enclave/kube/roles.ts';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import { expect, test } from 'vitest';

// The Kubernetes server and the enclave process agree on some names, each in its own language.

const source = (path: string) => readFileSync(join(import.meta.dirname, path), 'utf8');

test('the Kubernetes server forwards exactly the paths that joining and verifying take', () => {
  const [, table = ''] =
    /enclavePaths = map\[string\]bool\{([^}]*)\}/.exec(source('server/enclave.go')) ?? [];
  const paths = [...table.matchAll(/"([^"]+)":\s+true/g)].map(([, path]) => path);
  expect(paths.sort()).toEqual([ROUTE.attestation, ROUTE.registerWorker, ROUTE.stakingStatus].sort());
});

test('it names connections in the header by which the enclave tells them apart', () => {
  const [, header] = /Header\.Set\("(X-Daasvader-[^"]+)"/.exec(source('server/enclave.go')) ?? [];
  expect(header?.toLowerCase()).toBe(CONNECTION_HEADER);
});

test('it reads who is kept out where the enclave writes it', () => {
  expect(source('server/fence.go')).toContain(`const RevokedNodes = "${REVOKED_NODES}"`);
});

test('its objects give the group of bootstrap tokens the rights of the enclave’s tokens', () => {
  expect(source('server/objects.yaml')).toContain(`kind: Group, name: "${BOOTSTRAP_GROUP}"`);
});
