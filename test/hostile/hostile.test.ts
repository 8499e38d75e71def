import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Attack, formatAttacks } from './attack.ts';
import { Field } from './field.ts';
import { HOST_ATTACKS } from './host.ts';
import { JOIN_ATTACKS } from './joins.ts';
import { NETWORK_ATTACKS } from './network.ts';
import { NODE_ATTACKS, nodeRights } from './node.ts';
import { CHAIN_ATTACKS } from './operator.ts';
import { OUTSIDER_ATTACKS } from './outsider.ts';
import { NAMESPACE_ATTACKS, REQUEST_ATTACKS } from './requests.ts';
import { ROLE_ATTACKS } from './roles.ts';
import { TENANT_ROLES } from './tenant.ts';
import { ORDER_ATTACKS, REVOCATION_ATTACKS, tenantAttacks } from './tenants.ts';

// Everybody hostile against a live cluster, through the same relays and ports as everybody else. The table at the end
// says what each tried and what came of it.

const ATTACKS: readonly (readonly [string, readonly Attack[]])[] = [
  ['outsider', OUTSIDER_ATTACKS],
  ['node', [...NETWORK_ATTACKS, ...NODE_ATTACKS, nodeRights]],
  ...TENANT_ROLES.map((role) => [role, tenantAttacks(role)] as const),
  ['tenant', [...ORDER_ATTACKS, ...REQUEST_ATTACKS, ...NAMESPACE_ATTACKS, ...REVOCATION_ATTACKS]],
  ['role', ROLE_ATTACKS],
  ['stranger', CHAIN_ATTACKS],
  ['twin', JOIN_ATTACKS],
  ['host', HOST_ATTACKS],
];

let field: Field;
const rows: Parameters<typeof formatAttacks>[0][number][] = [];

beforeAll(async () => {
  field = await Field.open();
});

afterAll(async () => {
  process.stdout.write(`${formatAttacks(rows)}\n`);
  await field?.[Symbol.asyncDispose]();
});

for (const [by, attacks] of ATTACKS) {
  describe(by, () => {
    beforeEach(() => field.renew());

    test.for(attacks.map((each) => [each.attack, each] as const))(
      '%s',
      async ([attack, { expected, refusal, run }]) => {
        const seen = await run(field);
        rows.push({ by, attack, expected, seen });
        expect(seen).toMatch(refusal);
      },
    );
  });
}
