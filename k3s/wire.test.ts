import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { USER_HEADER } from '@daasvader/enclave/api/answers.ts';
import { CONNECTION_HEADER } from '@daasvader/enclave/api/rate-limit.ts';
import { REVOKED_NODES } from '@daasvader/enclave/kube/fence.ts';
import { MANAGED_LABEL, OWN_PREFIX, REQUEST_ANNOTATION } from '@daasvader/enclave/kube/names.ts';
import { BOOTSTRAP_GROUP } from '@daasvader/enclave/kube/roles.ts';
import { ORDER_EXTRA, ORDERS_GROUP } from '@daasvader/enclave/kube/write.ts';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import { userOf } from '@daasvader/verifier/user.ts';
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

/** What a constant of a Go file says, with `ownPrefix` written out. */
function constant(path: string, name: string): string | undefined {
  const [, prefix, text] = new RegExp(`\\b${name}\\s+= (ownPrefix \\+ )?"([^"]*)"`).exec(source(path)) ?? [];
  return text && (prefix ? OWN_PREFIX : '') + text;
}

test('it tells whose certificate asks for an answer, where the enclave reads it', () => {
  expect(constant('server/enclave.go', 'answerPath')).toBe(ROUTE.orderAnswer);
  expect(constant('server/enclave.go', 'userHeader')?.toLowerCase()).toBe(USER_HEADER);
});

test('it knows orders, users and tenants by the names that the enclave gives them', () => {
  const file = 'admission/caller.go';
  expect(constant(file, 'ownPrefix')).toBe(OWN_PREFIX);
  expect(constant(file, 'orderAnnotation')).toBe(REQUEST_ANNOTATION);
  expect(constant(file, 'tenantLabel')).toBe(MANAGED_LABEL);
  expect(constant(file, 'ordersGroup')).toBe(ORDERS_GROUP);
  expect(constant(file, 'orderExtra')).toBe(ORDER_EXTRA);
  expect(userOf(`0x${'00'.repeat(32)}`).startsWith(constant(file, 'UserPrefix') ?? '?')).toBe(true);
});
