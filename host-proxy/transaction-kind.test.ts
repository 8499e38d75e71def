import * as lead from '@daasvader/chain/calls/lead.ts';
import * as operator from '@daasvader/chain/calls/operator.ts';
import { bcs } from '@mysten/sui/bcs';
import { Transaction } from '@mysten/sui/transactions';
import { expect, test } from 'vitest';
import { classify, parseKind } from './transaction-kind.ts';

const id = (digit: string) => `0x${digit.repeat(64)}`;
const [PACKAGE, OTHER] = [id('1'), id('2')];

type Fill = (tx: Transaction) => void;

/** Calls by name, `module::function` of the cluster's package unless it begins with a package. */
const calls =
  (...names: string[]): Fill =>
  (tx) => {
    for (const name of names) tx.moveCall({ target: name.startsWith('0x') ? name : `${PACKAGE}::${name}` });
  };

async function kindOf(fill: Fill): Promise<string> {
  const tx = new Transaction();
  fill(tx);
  return Buffer.from(await tx.build({ onlyTransactionKind: true })).toString('base64');
}

const classified = async (fill: Fill) => classify(parseKind(await kindOf(fill)));

const ACT = 'operator::act';
const LOAD = '0x2::nitro_attestation::load_nitro_attestation';
const COMPLETE = 'k8s_scheduler::complete_request';

test.each<[string, string[], string]>([
  ['a heartbeat', [ACT, 'heartbeat::heartbeat'], 'heartbeats'],
  ['a heartbeat with its anchor', [ACT, 'anchor::anchor_state', 'heartbeat::heartbeat'], 'heartbeats'],
  ['the identity', [ACT, 'identity::set_identity'], 'heartbeats'],
  ['giving up the lead', [ACT, 'lead::give_up_lead'], 'heartbeats'],
  ['taking the lead', ['lead::take_lead'], 'heartbeats'],
  ['a ticket', ['enclave_registry::open_registration'], 'heartbeats'],
  ['an unused ticket', ['enclave_registry::close_ticket'], 'heartbeats'],
  ['a registration', [LOAD, 'enclave_registry::register_enclave'], 'heartbeats'],
  ['a ready worker', [ACT, 'worker_registry::activate_worker'], 'statements'],
  ['a batch', [ACT, 'k8s_scheduler::start_request', COMPLETE, 'k8s_scheduler::assign_worker'], 'statements'],
  ['a heartbeat among statements', [ACT, 'heartbeat::heartbeat', COMPLETE], 'statements'],
  ['64 commands', [ACT, ...Array.from({ length: 63 }, () => COMPLETE)], 'statements'],
])('%s is paid for', async (_name, names, pot) => {
  const isHeartbeat = names.includes('heartbeat::heartbeat');
  expect(await classified(calls(...names))).toEqual({ pot, isHeartbeat, packageId: PACKAGE });
});

const ids = {
  packageId: PACKAGE,
  originalPackageId: PACKAGE,
  registryId: id('3'),
  workersId: id('4'),
  stakingId: id('5'),
  schedulerId: id('6'),
  enclaveId: id('7'),
};
const digest = new Uint8Array(32);
const [requestId, nodeId] = [1n, 'worker-1'];

type Say = (tx: Transaction, act: operator.Act) => void;

test.each<[string, Say]>([
  ['heartbeat', (tx, act) => operator.heartbeat(tx, ids, act, { auditHead: digest, inSync: [] })],
  [
    'anchorState',
    (tx, act) => operator.anchorState(tx, ids, act, { generation: 1n, position: 1n, digest, bytes: 1n }),
  ],
  ['setIdentity', (tx, act) => lead.setIdentity(tx, ids, act)],
  ['giveUpLead', (tx, act) => lead.giveUpLead(tx, ids, act)],
  ['activateWorker', (tx, act) => operator.activateWorker(tx, ids, act, { nodeId, counter: 1n })],
  ['setWorkerStatus', (tx, act) => operator.setWorkerStatus(tx, ids, act, { nodeId, status: 1 })],
  ['startRequest', (tx, act) => operator.startRequest(tx, ids, act, requestId)],
  [
    'completeRequest',
    (tx, act) => operator.completeRequest(tx, ids, act, { requestId, resultDigest: digest }),
  ],
  [
    'failRequest',
    (tx, act) => operator.failRequest(tx, ids, act, { requestId, reason: 'full', applied: false }),
  ],
  [
    'settleCancelledRequest',
    (tx, act) => operator.settleCancelledRequest(tx, ids, act, { requestId, outcome: 1 }),
  ],
  ['assignWorkers', (tx, act) => operator.assignWorkers(tx, ids, act, { requestId, nodeIds: [nodeId] })],
])('%s as the operator calls it is paid for', async (_name, say) => {
  const tx = new Transaction();
  say(tx, operator.beginAct(tx, ids, { term: 1n, notAfterMs: 1n }));
  const names = tx.getData().commands.map(({ MoveCall }) => `${MoveCall?.module}::${MoveCall?.function}`);
  await expect(classified(calls(...names))).resolves.toMatchObject({ packageId: PACKAGE });
});

test.each<[string, Fill, string]>([
  ['nothing', () => {}, '0 commands'],
  ['65 commands', calls(ACT, ...Array.from({ length: 64 }, () => COMPLETE)), '65 commands'],
  ['a statement without act', calls(COMPLETE), `begins with ${COMPLETE}`],
  ['act behind a statement', calls(COMPLETE, ACT), `begins with ${COMPLETE}`],
  ['act alone', calls(ACT), 'nothing follows'],
  ['a second act', calls(ACT, ACT, COMPLETE), `${ACT} is nothing`],
  ['the lead taken and used at once', calls('lead::take_lead', COMPLETE), 'begins with lead::take_lead'],
  ['a function of users', calls(ACT, 'staking::stake'), 'staking::stake is nothing'],
  ['a function of admins', calls('enclave_registry::retire_measurement'), 'begins with'],
  ['a name of every object', calls(ACT, 'heartbeat::constructor'), 'heartbeat::constructor is nothing'],
  ['two registrations', calls(LOAD, 'enclave_registry::register_enclave', LOAD), 'begins with'],
  ['a document that nobody registers', calls(LOAD), 'begins with'],
  ['another function of the attestation module', calls('0x2::nitro_attestation::pcrs'), 'begins with'],
  ['act of the framework', calls('0x2::operator::act', COMPLETE), 'begins with'],
  ['a statement of the framework', calls(ACT, `0x2::${COMPLETE}`), 'is nothing'],
  [
    'a check of documents that is not the framework’s',
    calls('nitro_attestation::load_nitro_attestation'),
    'begins with',
  ],
  ['a call into a second package', calls(ACT, `${OTHER}::${COMPLETE}`), 'more than one package'],
  [
    'the gas coin as an argument',
    (tx) => {
      calls(ACT)(tx);
      tx.moveCall({ target: `${PACKAGE}::${COMPLETE}`, arguments: [tx.gas] });
    },
    'the gas coin',
  ],
  [
    'a split of the gas coin',
    (tx) => {
      calls(ACT, COMPLETE)(tx);
      tx.splitCoins(tx.gas, [1]);
    },
    'command SplitCoins',
  ],
  ['a published package', (tx) => void tx.publish({ modules: [[1]], dependencies: [] }), 'command Publish'],
])('%s is refused', async (_name, fill, why) => {
  await expect(classified(fill)).rejects.toMatchObject({
    code: 'refused',
    message: expect.stringContaining(why),
  });
});

test.each<[string, { Sender: true } | { Sponsor: true }]>([
  ['the sender', { Sender: true }],
  ['the sponsor', { Sponsor: true }],
])('a withdrawal from the balance of %s is refused', async (_name, withdrawFrom) => {
  const { commands } = parseKind(await kindOf(calls(ACT, COMPLETE))).ProgrammableTransaction!;
  const withdrawal = {
    reservation: { MaxAmountU64: 1 },
    typeArg: { Balance: '0x2::sui::SUI' },
    withdrawFrom,
  };
  const program = { inputs: [{ FundsWithdrawal: withdrawal }], commands };
  const kind = parseKind(bcs.TransactionKind.serialize({ ProgrammableTransaction: program }).toBase64());
  expect(() => classify(kind)).toThrow('FundsWithdrawal');
});

test.each(['', 'fw==', Buffer.alloc(2_000, 0xff).toString('base64')])(
  'bytes %j are not a transaction kind',
  (transaction) => expect(() => parseKind(transaction)).toThrow('is not valid BCS'),
);

test('bytes behind the transaction kind, and too many of them, are refused', async () => {
  const kind = Buffer.from(await kindOf(calls(ACT, COMPLETE)), 'base64');
  const padded = (bytes: number) => Buffer.concat([kind, Buffer.alloc(bytes)]).toString('base64');
  expect(() => parseKind(padded(1))).toThrow('is not canonical BCS');
  expect(() => parseKind(padded(126 * 1_024))).toThrow('at most 129024 are taken');
});
