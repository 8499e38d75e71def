import { type Binding, decodeBinding, userData } from '@daasvader/attestation/binding.ts';
import { type Bytes, toHex } from '@daasvader/attestation/bytes.ts';
import { type Policy, UNCHECKED } from '@daasvader/attestation/policy.ts';
import { type VerifiedDocument, verifyAttestation } from '@daasvader/attestation/verify.ts';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import { type ChainObject, readChainId, readObject } from './full-node.ts';
import { readClock, readEnclave, readRegistry, type SeatedEnclave } from './registry.ts';

const CLOCK_ID = `0x${'6'.padStart(64, '0')}`;

const NONCE = /^([0-9a-f]{2}){16,64}$/;

/** One line of what the page shows. */
export interface Row {
  check: string;
  state: 'passed' | 'failed' | 'NOT CHECKED';
  /** What was compared with what, or why it failed, or what does check it. */
  detail: string;
}

/** What a person entered. */
export interface Question {
  /** Where the enclave's API answers. */
  api: string;
  /** The challenge, in hex. */
  nonce: string;
  /** PEM of a root to trust instead of AWS's; empty for AWS's. */
  root: string;
  /** A Sui full node to ask; empty for none. */
  fullNode: string;
  /** Id of the cluster that is meant, as it is known from elsewhere; empty when it is not. */
  clusterId: string;
}

/** Asks the enclave for a document that answers the nonce, and checks all that a page can check. */
export async function checkEnclave(question: Question): Promise<Row[]> {
  const rows: Row[] = [];
  try {
    const { document, binding } = await fetchAttestation(question);
    const verified = await verifyAttestation(document, Date.now(), await policyOf(question, binding));
    rows.push(...verified.checks.filter(({ name }) => name !== 'PCRs' && name !== 'public_key').map(toRow));
    if (!verified.root.aws) rows[0]!.detail += ': NOT AWS, but the root that was entered';
    rows.push(await attempt('cluster', () => checkCluster(binding, question)));
    rows.push(...(await checkChain(question, binding, verified)));
  } catch (error) {
    rows.push({ check: 'attestation', state: 'failed', detail: reasonOf(error) });
  }
  return [...rows, tlsRow(question)];
}

async function fetchAttestation({ api, nonce }: Question): Promise<{ document: Bytes; binding: Binding }> {
  // An empty challenge is answered by every document that has an empty nonce.
  if (!NONCE.test(nonce)) throw new Error('The nonce is not 16 to 64 bytes in lower-case hex');
  const response = await fetch(
    `${api.replace(/\/+$/, '')}${ROUTE.attestation}?nonce=${encodeURIComponent(nonce)}`,
  );
  const answer = (await response.json()) as Record<string, unknown>;
  if (!response.ok) throw new Error(`The enclave refuses: ${answer.detail ?? response.status}`);
  return { document: fromBase64(answer.document), binding: decodeBinding(fromBase64(answer.binding)) };
}

async function policyOf({ nonce, root }: Question, binding: Binding): Promise<Policy> {
  const trusted = root.trim() === '' ? {} : { root };
  return { pcrs: UNCHECKED, publicKey: UNCHECKED, nonce, userData: await userData(binding), ...trusted };
}

function toRow({ name, passed, detail }: VerifiedDocument['checks'][number]): Row {
  const explained = name === 'user_data' ? `commits to the binding: ${detail}` : detail;
  return { check: name, state: passed === true ? 'passed' : 'NOT CHECKED', detail: explained };
}

/** The cluster's id must come from elsewhere: an enclave of another cluster is just as genuine. */
function checkCluster({ clusterId, packageId }: Binding, question: Question): Row {
  if (question.clusterId === '')
    return notChecked('cluster', `no cluster id was entered; the enclave says it serves ${clusterId}`);
  same('cluster id', question.clusterId.toLowerCase(), clusterId);
  return passed('cluster', `${clusterId} of package ${packageId}`);
}

async function checkChain(question: Question, binding: Binding, document: VerifiedDocument): Promise<Row[]> {
  const { fullNode } = question;
  const checks = ['chain', 'measurement', 'seat'];
  if (fullNode === '')
    return checks.map((check) => notChecked(check, `no full node was entered; ${command(question)} does`));
  let chainId: string;
  try {
    chainId = await readChainId(fullNode);
  } catch (error) {
    const why = `the full node cannot be asked from a page (${reasonOf(error)}); ${command(question)} does`;
    return checks.map((check) => notChecked(check, why));
  }
  const registry = readShared(fullNode, binding);
  registry.catch(() => undefined); // each check that needs it reports the failure
  return Promise.all([
    attempt('chain', async () => {
      same('chain id', chainId, binding.chainId);
      return passed('chain', `${chainId}, by the word of ${fullNode}, which this page does not prove`);
    }),
    attempt('measurement', async () => checkMeasurement(await registry, fullNode, document)),
    attempt('seat', async () => checkSeat(await registry, fullNode, binding)),
  ]);
}

async function readShared(fullNode: string, { clusterId, packageId }: Binding) {
  const object = await readObject(fullNode, clusterId);
  same('type of the cluster', `${packageId}::enclave_registry::EnclaveRegistry`, normalized(object));
  return { ...readRegistry(object.contents), packageId };
}

type Shared = Awaited<ReturnType<typeof readShared>>;

async function checkMeasurement(
  { measurements }: Shared,
  fullNode: string,
  document: VerifiedDocument,
): Promise<Row> {
  const now = readClock((await readObject(fullNode, CLOCK_ID)).contents);
  const measured = [0, 1, 2].map((index) => toHex(document.pcrs.get(index) ?? new Uint8Array()));
  const match = measurements.find(
    ({ pcrs, effectiveAtMs, retireAtMs }) =>
      pcrs.every((pcr, index) => pcr === measured[index]) &&
      effectiveAtMs <= now &&
      (retireAtMs === null || now < retireAtMs),
  );
  if (match === undefined)
    throw new Error(`No measurement in effect on chain has the PCRs ${measured.join(' ')}`);
  return passed('measurement', `PCR 0, 1 and 2 are those of version ${match.version}, in effect on chain`);
}

async function checkSeat({ seat, packageId }: Shared, fullNode: string, binding: Binding): Promise<Row> {
  if (seat === null) throw new Error('Nobody is in the seat');
  const object = await readObject(fullNode, seat);
  same('type of the seated enclave', `${packageId}::enclave_registry::Enclave`, normalized(object));
  const seated = readEnclave(object.contents);
  same('registry of the seated enclave', binding.clusterId, seated.registryId);
  for (const name of SEATED) same(`${name} of the seated enclave`, plain(seated[name]), plain(binding[name]));
  return passed('seat', `the enclave ${seat} in the seat has this operator and these keys`);
}

const SEATED = [
  ...(['operator', 'tlsSpkiSha256', 'caSha256', 'hpkePublicKey'] as const),
  ...(['bootId', 'committeeDigest', 'committeeEpoch'] as const),
] satisfies (keyof SeatedEnclave & keyof Binding)[];

/** A page cannot see which key its own connection is encrypted to. */
function tlsRow(question: Question): Row {
  return notChecked('TLS key of this connection', `a page cannot see it; ${command(question)} does`);
}

function command({ api }: Question): string {
  return `"daas status --api ${api}"`;
}

async function attempt(check: string, make: () => Row | Promise<Row>): Promise<Row> {
  try {
    return await make();
  } catch (error) {
    return { check, state: 'failed', detail: reasonOf(error) };
  }
}

function reasonOf(error: unknown): string {
  const { message, code, expected, actual } = error as Partial<Record<string, string>>;
  const compared = expected === undefined ? '' : ` (expected ${expected}, is ${actual ?? 'absent'})`;
  return `${message}${compared}${typeof code === 'string' ? ` [${code}]` : ''}`;
}

function same(what: string, expected: string, actual: string): void {
  if (expected !== actual) throw new Error(`Another ${what}: expected ${expected}, is ${actual}`);
}

/** A type whose package is written in full: a full node may leave out leading zeros. */
function normalized({ type }: ChainObject): string {
  return type.replace(/^0x([0-9a-f]+)::/, (_, digits: string) => `0x${digits.padStart(64, '0')}::`);
}

function plain(value: string | bigint | Uint8Array): string {
  return value instanceof Uint8Array ? toHex(value) : String(value);
}

function passed(check: string, detail: string): Row {
  return { check, state: 'passed', detail };
}

function notChecked(check: string, detail: string): Row {
  return { check, state: 'NOT CHECKED', detail };
}

function fromBase64(value: unknown): Bytes {
  if (typeof value !== 'string') throw new Error('The enclave\u2019s answer has no document and binding');
  return Uint8Array.from(atob(value), (char) => char.charCodeAt(0));
}
