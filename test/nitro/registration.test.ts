import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Binding } from '@daasvader/attestation/binding.ts';
import { retireMeasurement } from '@daasvader/chain/calls/admin.ts';
import { submit } from '@daasvader/chain/submit.ts';
import { Operator } from '@daasvader/enclave/chain/operator.ts';
import { type RegistrationOptions, register } from '@daasvader/enclave/chain/registration.ts';
import type { Nsm } from '@daasvader/enclave/nsm/nsm.ts';
import { ChainCluster } from '@daasvader/testbed/cluster/chain-cluster.ts';
import { ChainEnclave } from '@daasvader/testbed/cluster/chain-enclave.ts';
import { MachineNsm } from '@daasvader/testbed/nitro/machine-nsm.ts';
import { buildPrograms } from '@daasvader/testbed/nitro/programs.ts';
import { buildRelayImage } from '@daasvader/testbed/nitro/testing/relay-image.ts';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { afterAll, beforeAll, expect, test } from 'vitest';

// What the contract makes of documents that a machine really signed. The smallest enclave asks for them, so that each
// lie can be told by itself.

const ADMITTED = 'sources';
/** How the host, which simulates before it pays, tells of enclave_registry's errors. */
const REFUSAL = {
  nonce: 'enclave_registry aborts with EWrongNonce',
  userData: 'enclave_registry aborts with EWrongUserData',
  notMeasured: 'enclave_registry aborts with ENotMeasured',
  // Of the registers that are zero, load_nitro_attestation tells nothing.
  noPcr: 'enclave_registry aborts with EMissingPcr',
};
const nowhere = `0x${'ee'.repeat(32)}`;

let directory: string;
let cluster: ChainCluster;
let nsm: MachineNsm;
let boot: (name: string, options?: { debug: boolean }) => Promise<MachineNsm>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daas-reg-'));
  const programs = await buildPrograms();
  const { path: image } = await buildRelayImage(directory);
  boot = (name, options) => MachineNsm.boot({ programs, image, directory, name, ...options });
  nsm = await boot('first');
  cluster = await ChainCluster.start(nsm);
});

afterAll(async () => {
  await cluster?.close();
  await nsm?.stop();
  await rm(directory, { recursive: true });
});

/** An enclave on a machine, with an operator of its own. */
async function enclaveOn(given: Nsm, lie: Partial<Binding> = {}): Promise<RegistrationOptions> {
  const { client, services, deployment } = cluster;
  const operator = new Operator(client, services, new Ed25519Keypair());
  const binding = { ...(await cluster.bindingOf(operator.address)), ...lie };
  return { operator, nsm: given, services, ids: deployment, binding };
}

/** An NSM of which the host has the documents in its hands. */
function attesting(attest: Nsm['attest']): Nsm {
  return { attest, describe: () => nsm.describe(), random: () => nsm.random() };
}

async function refuses(attempt: Promise<unknown>, reason: keyof typeof REFUSAL): Promise<void> {
  const message = expect.stringContaining(REFUSAL[reason]);
  await expect(attempt).rejects.toMatchObject({ name: 'ChainRefusal', message });
}

test('a machine whose image is measured on chain registers, is seated, leads and operates', async () => {
  const enclave = await ChainEnclave.leading(cluster);
  expect((await cluster.reader.registry()).lease.leader?.enclaveId).toBe(enclave.ids.enclaveId);
  await enclave.beat();
});

test('a machine in debug mode is not registered', async () => {
  const debugged = await boot('debugged', { debug: true });
  await refuses(register(await enclaveOn(debugged)), 'noPcr');
  await debugged.stop();
});

test('a document from another boot is not registered, whoever brings it', async () => {
  let document = new Uint8Array();
  const earlier = await boot('earlier');
  const recorded = attesting(async (request) => {
    document = Uint8Array.from(await earlier.attest(request));
    return document;
  });
  const first = await enclaveOn(recorded);
  await register(first);
  await earlier.stop();
  const replaying = attesting(async () => document);
  await refuses(register({ ...first, nsm: replaying }), 'nonce');
  await refuses(register(await enclaveOn(replaying)), 'nonce');
});

test.each<[string, Partial<Binding>]>([
  ['chain', { chainId: 'elsewhere' }],
  ['package', { packageId: nowhere }],
  ['cluster', { clusterId: nowhere }],
  ['committee', { committeeDigest: new Uint8Array(32).fill(0xee) }],
  ['operator', { operator: nowhere }],
])('an enclave that its host gave another %s is not registered', async (_, lie) => {
  await refuses(register(await enclaveOn(nsm, lie)), 'userData');
});

test('a retired measurement registers nobody, and whom it seated operates no longer', async () => {
  const enclave = await ChainEnclave.leading(cluster);
  const retired = { version: ADMITTED, compromised: false };
  await submit(cluster.client, cluster.admin, (tx) => retireMeasurement(tx, cluster.deployment, retired));
  await refuses(register(await enclaveOn(nsm)), 'notMeasured');
  await refuses(enclave.beat(), 'notMeasured');
});
