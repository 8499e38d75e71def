import { bcs } from '@mysten/sui/bcs';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Transaction } from '@mysten/sui/transactions';
import { verifyTransactionSignature } from '@mysten/sui/verify';
import { beforeEach, expect, test } from 'vitest';
import { HostProxyError } from './error.ts';
import { GasCoins } from './gas-coins.ts';
import type { Coin, HostChain } from './host-chain.ts';
import { Sponsor } from './sponsor.ts';

const PACKAGE = `0x${'ab'.repeat(32)}`;
const OBJECT = {
  objectId: `0x${'cd'.repeat(32)}`,
  version: '7',
  digest: 'EKcHdoiFcvyAoRRy3BVv5g7Gb3TRDvVYmWDMvL5jTfLx',
};
const account = Ed25519Keypair.deriveKeypairFromSeed('11'.repeat(32));
const enclave = Ed25519Keypair.deriveKeypairFromSeed('22'.repeat(32)).toSuiAddress();
const LIMIT = 1_000n;

/** A chain that only holds coins: what is sponsored here is never executed. */
class CoinsOnly implements HostChain {
  readonly held: Coin[] = Array.from({ length: 16 }, (_, i) => ({
    ...OBJECT,
    objectId: `0x${String(i + 1).padStart(64, '0')}`,
    balance: '5000',
  }));
  gasPrice = async () => 3n;
  coins = async () => this.held;
  object = () => Promise.reject(new Error('not asked for'));
  execute = () => Promise.reject(new Error('not asked for'));
}

let chain: CoinsOnly;
let sponsor: Sponsor;

beforeEach(() => {
  chain = new CoinsOnly();
  const budget = { packageId: PACKAGE, perTransaction: LIMIT, perHour: 10n * LIMIT };
  sponsor = new Sponsor(chain, new GasCoins(chain, account), account, budget);
});

async function kindOf(fill: (tx: Transaction) => void): Promise<string> {
  const tx = new Transaction();
  fill(tx);
  return Buffer.from(await tx.build({ onlyTransactionKind: true })).toString('base64');
}

const ownCall = (tx: Transaction) =>
  void tx.moveCall({
    target: `${PACKAGE}::worker_registry::activate_worker`,
    arguments: [tx.objectRef(OBJECT)],
  });
const ask = async (fill: (tx: Transaction) => void, sender = enclave) =>
  sponsor.sponsor({ transaction: await kindOf(fill), sender });

test('a call into the cluster’s package gets the host’s gas and nothing else changes', async () => {
  const transaction = await kindOf(ownCall);
  const answer = await sponsor.sponsor({ transaction, sender: enclave });
  const bytes = Buffer.from(answer.transaction, 'base64');
  const { kind, sender, gasData } = bcs.TransactionData.parse(bytes).V1;
  expect(Buffer.from(bcs.TransactionKind.serialize(kind).toBytes()).toString('base64')).toBe(transaction);
  expect([sender, gasData.owner, gasData.budget, gasData.price]).toEqual([
    enclave,
    account.toSuiAddress(),
    '1000',
    '3',
  ]);
  await verifyTransactionSignature(bytes, answer.sponsorSignature, { address: account.toSuiAddress() });
});

test('registering with an attestation document is paid for', async () => {
  await ask((tx) => {
    const [document] = tx.moveCall({
      target: '0x2::nitro_attestation::load_nitro_attestation',
      arguments: [tx.pure.vector('u8', [1])],
    });
    tx.moveCall({ target: `${PACKAGE}::enclave_registry::register_enclave`, arguments: [document!] });
  });
});

test.each<[string, (tx: Transaction) => void]>([
  ['a foreign package', (tx) => void tx.moveCall({ target: '0x2::pay::keep' })],
  [
    'another function of the attestation module',
    (tx) => void tx.moveCall({ target: '0x2::nitro_attestation::pcrs' }),
  ],
  [
    'the gas coin as an argument',
    (tx) => void tx.moveCall({ target: `${PACKAGE}::staking::stake`, arguments: [tx.gas] }),
  ],
  ['a transfer of the gas coin', (tx) => void tx.transferObjects([tx.gas], enclave)],
  [
    'a split of the gas coin after a proper call',
    (tx) => {
      ownCall(tx);
      tx.splitCoins(tx.gas, [1]);
    },
  ],
  ['a published package', (tx) => void tx.publish({ modules: [[1]], dependencies: [] })],
  ['no command at all', () => {}],
  ['too many commands', (tx) => Array.from({ length: 65 }, () => ownCall(tx))],
])('%s is refused', async (_name, fill) => {
  await expect(ask(fill)).rejects.toMatchObject({ code: 'refused' });
});

test('the host account as sender is refused: its one signature would sign for both', async () => {
  await expect(ask(ownCall, account.toSuiAddress())).rejects.toMatchObject({ code: 'refused' });
});

test.each(['', 'fw==', Buffer.alloc(2_000, 0xff).toString('base64')])(
  'bytes %j are not a transaction kind',
  async (transaction) => {
    await expect(sponsor.sponsor({ transaction, sender: enclave })).rejects.toMatchObject({
      code: 'request',
    });
  },
);

test('bytes behind the transaction kind are refused', async () => {
  const padded = Buffer.concat([Buffer.from(await kindOf(ownCall), 'base64'), Buffer.from([0])]);
  const attempt = sponsor.sponsor({ transaction: padded.toString('base64'), sender: enclave });
  await expect(attempt).rejects.toMatchObject({ code: 'request' });
});

test('the budget of an hour ends', async () => {
  for (let i = 0; i < 10; i += 1) await ask(ownCall);
  await expect(ask(ownCall)).rejects.toMatchObject({ code: 'budget' });
});

test('what was not signed costs nothing of the budget', async () => {
  const { gasPrice } = chain;
  chain.gasPrice = () => Promise.reject(new HostProxyError('chain', 'the chain does not answer'));
  for (let i = 0; i < 20; i += 1) await expect(ask(ownCall)).rejects.toMatchObject({ code: 'chain' });
  chain.gasPrice = gasPrice;
  await ask(ownCall);
});

test.each<[string, { Sender: true } | { Sponsor: true }]>([
  ['the sender', { Sender: true }],
  ['the sponsor', { Sponsor: true }],
])('a withdrawal from the balance of %s is refused', async (_name, withdrawFrom) => {
  const { commands } = bcs.TransactionKind.fromBase64(await kindOf(ownCall)).ProgrammableTransaction!;
  const withdrawal = {
    reservation: { MaxAmountU64: 1 },
    typeArg: { Balance: '0x2::sui::SUI' },
    withdrawFrom,
  };
  const program = { inputs: [{ FundsWithdrawal: withdrawal }], commands };
  const transaction = bcs.TransactionKind.serialize({ ProgrammableTransaction: program }).toBase64();
  await expect(sponsor.sponsor({ transaction, sender: enclave })).rejects.toMatchObject({ code: 'refused' });
});

test('transactions under way at once never share a coin', async () => {
  const answers = await Promise.all(Array.from({ length: 10 }, () => ask(ownCall)));
  const coins = answers.map(({ transaction }) => {
    return bcs.TransactionData.parse(Buffer.from(transaction, 'base64')).V1.gasData.payment[0]?.objectId;
  });
  expect(new Set(coins).size).toBe(10);
});

test('an account without a large enough coin says so', async () => {
  chain.held.length = 0;
  await expect(ask(ownCall)).rejects.toMatchObject({
    code: 'budget',
    message: expect.stringContaining('host account'),
  });
});
