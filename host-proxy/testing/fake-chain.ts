import { OBJECTS } from '@daasvader/chain/layouts.ts';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { type Transaction, TransactionDataBuilder } from '@mysten/sui/transactions';
import { ClusterPackage } from '../cluster-package.ts';
import type { ClusterDeployment } from '../config.ts';
import { HostProxyError } from '../error.ts';
import { GasCoins } from '../gas-coins.ts';
import type { ChainObject, Coin, Executed, GasUse, HostChain, Outcome } from '../host-chain.ts';
import type { HostAccount } from '../own-transactions.ts';

/** An id of one digit. */
export const id = (digit: string) => `0x${digit.repeat(64)}`;

/** A cluster whose objects nobody made. */
export const CLUSTER: ClusterDeployment = {
  network: 'localnet',
  rpcUrl: 'http://127.0.0.1:9',
  chainId: 'chain',
  packageId: id('1'),
  originalPackageId: id('1'),
  registryId: id('2'),
  workersId: id('3'),
  stakingId: id('4'),
  schedulerId: id('5'),
  imagesId: id('6'),
};

/** An object digest, for references. */
export const DIGEST = 'EKcHdoiFcvyAoRRy3BVv5g7Gb3TRDvVYmWDMvL5jTfLx';

/** The cluster's registry as it is on chain, when it names this package as the current one. */
export function registryOf(packageId: string): ChainObject {
  const empty = { current: null, pending: null, effectiveAtMs: 0, isUsed: false };
  const content = OBJECTS.EnclaveRegistry.serialize({
    id: CLUSTER.registryId,
    version: 1,
    parts: null,
    delayMs: 0,
    maxDocumentAgeMs: 0,
    clusterCidr: '',
    serviceCidr: '',
    measurements: [],
    config: empty,
    publicConfig: empty,
    sealConfig: empty,
    market: empty,
    upgrades: {
      cap: { id: id('7'), package: packageId, version: 1, policy: 0 },
      package: { original: CLUSTER.originalPackageId, current: packageId, version: 1 },
      proposal: null,
      authorized: [],
    },
    seats: { list: [], epoch: 0, lastSeated: 0, isUsed: false },
    lease: { term: 0, leader: null, endsAtMs: 0, inSync: [] },
    state: {
      identity: null,
      anewAtMs: null,
      generation: 0,
      turnedAtMs: 0,
      exposed: 0,
      anchor: null,
      accepted: null,
      format: 0,
    },
    registrations: 0,
    stateVersion: 0,
    log: { seq: 0, head: [] },
  }).toBytes();
  const type = `${CLUSTER.originalPackageId}::enclave_registry::EnclaveRegistry`;
  return { version: 1n, type, shared: true, content };
}

/** A chain that holds coins and objects, says what transactions take, and executes what it is told to. */
export class FakeChain implements HostChain {
  readonly held: Coin[];
  readonly objects = new Map<string, ChainObject>();
  /** What every transaction takes. */
  use: GasUse = { computation: 1_000_000n, storage: 0n };
  /** Why every transaction would fail, if it would. */
  failure: string | undefined;
  readonly executed: Transaction[] = [];
  /** What every transaction that is executed emits. */
  events: Executed['events'] = [];
  readonly outcomes = new Map<string, Outcome>();

  constructor(coins = 16, balance = 1_000_000_000n) {
    this.held = Array.from({ length: coins }, (_, i) => ({
      objectId: `0x${String(i + 1).padStart(64, '0')}`,
      version: '1',
      digest: DIGEST,
      balance: balance.toString(),
    }));
  }

  gasPrice = async () => 1_000n;
  coins = async (): Promise<Coin[]> => [...this.held];

  object = async (objectId: string): Promise<ChainObject> => {
    const coin = this.held.find((each) => each.objectId === objectId);
    const object = this.objects.get(objectId);
    if (object) return object;
    if (!coin) throw new HostProxyError('chain', `There is no ${objectId}`);
    return { version: BigInt(coin.version), type: 'coin', shared: false, content: new Uint8Array() };
  };

  simulate = async (_bytes: Uint8Array): Promise<GasUse> => {
    if (this.failure !== undefined) throw new HostProxyError('fails', this.failure);
    return this.use;
  };

  outcome = async (digest: string) => this.outcomes.get(digest);

  execute = async (transaction: Transaction): Promise<Executed> => {
    if (this.failure !== undefined) throw new HostProxyError('fails', this.failure);
    this.executed.push(transaction);
    for (const { objectId } of transaction.getData().gasData.payment ?? []) this.move(objectId);
    return { digest: 'digest', events: this.events };
  };

  /** A transaction that names the coin was executed. */
  move(objectId: string): void {
    const at = this.held.findIndex((coin) => coin.objectId === objectId);
    const coin = this.held[at];
    if (coin) this.held[at] = { ...coin, version: `${BigInt(coin.version) + 1n}` };
  }

  /** Executes signed BCS of a TransactionData, or cancels it for congestion; it takes `spent` MIST. */
  run(bytes: Uint8Array, spent: bigint, isCancelled = false): void {
    const gas = { computation: spent, storage: 0n };
    this.outcomes.set(TransactionDataBuilder.getDigestFromBytes(bytes), { gas, isCancelled });
    const { payment } = TransactionDataBuilder.fromBytes(bytes).gasData;
    for (const { objectId } of payment ?? []) this.move(objectId);
  }
}

/** A host account on such a chain. */
export function hostOn(chain: FakeChain, perTransaction = 500_000_000n): HostAccount {
  const account = Ed25519Keypair.deriveKeypairFromSeed('11'.repeat(32));
  const packages = new ClusterPackage(chain, CLUSTER);
  return { chain, coins: new GasCoins(chain, account), account, packages, perTransaction };
}
