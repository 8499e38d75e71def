import { randomBytes } from 'node:crypto';
import type { CommitteeMember } from '@daasvader/checkpoint/committee.ts';
import type { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { sha256 } from '@noble/hashes/sha2.js';
import { Chain } from './chain/chain.ts';
import type { StoredCheckpoint } from './chain/store.ts';
import { loadFramework } from './framework.ts';
import { deriveKeypair, Faucet, type FaucetGift } from './http/faucet.ts';
import { DevnetServer } from './http/server.ts';
import type { Address } from './vm/types.ts';

/** MIST: nine billion SUI; a balance must stay below 2^64. */
const FAUCET_ENDOWMENT = 9_000_000_000n * 1_000_000_000n;
/** MIST of each funded account: a million SUI. */
const ACCOUNT_ENDOWMENT = 1_000_000_000_000_000n;
const FUNDED_ACCOUNTS = 3;

export interface DevnetOptions {
  /** 0, the default, takes a free one. */
  port?: number;
  /** Address to listen on; loopback by default. */
  host?: string;
  /** Directory for durable state; without it the chain ends with the process. */
  stateDir?: string;
  /** PEM of the root that Nitro attestation documents must chain to; AWS's by default. */
  nitroRootPem?: string;
  /** Text that validators', faucet's and accounts' keys derive from, for a new chain; random by default. */
  committeeSeed?: string;
  /** Wall clock in milliseconds. */
  now?: () => number;
}

/** A running devnet. */
export interface Devnet {
  /** Of gRPC-web, faucet and clock alike. */
  url: string;
  /** The genesis checkpoint's digest, base58, as clients report it. */
  chainId: string;
  /** Of the present epoch. */
  readonly committee: { epoch: bigint; members: readonly CommitteeMember[] };
  /** Accounts that hold SUI from genesis on. */
  accounts: Ed25519Keypair[];
  chain: Chain;
  /** Sends SUI (amount in MIST). */
  faucet(address: Address, amount?: bigint): Promise<FaucetGift>;
  /** Moves the chain's clock forward by milliseconds. */
  advanceTime(ms: number): void;
  /** Ends the epoch: the next checkpoint is certified by a new committee. */
  endEpoch(): void;
  /** Calls back at every checkpoint until the returned function is called. */
  onCheckpoint(callback: (checkpoint: StoredCheckpoint) => void): () => void;
  close(): Promise<void>;
}

/**
 * Starts a Sui-compatible chain in this process.
 *
 * @throws {DevnetError} when the directory, the root or the port cannot be used
 *
 * @example
 * const devnet = await startDevnet();
 * const client = new SuiGrpcClient({ network: 'devnet', baseUrl: devnet.url });
 */
export async function startDevnet(options: DevnetOptions = {}): Promise<Devnet> {
  const { committeeSeed, stateDir, nitroRootPem } = options;
  const proposed = committeeSeed === undefined ? randomBytes(32) : sha256(Buffer.from(committeeSeed));
  const chain = await Chain.open({
    secret: proposed,
    framework: loadFramework,
    allocations: allocations(proposed),
    now: options.now ?? Date.now,
    ...(stateDir !== undefined && { stateDir }),
    ...(nitroRootPem !== undefined && { nitroRootPem }),
  });
  const faucet = new Faucet(chain, deriveKeypair(chain.secret, 'faucet'));
  const server = new DevnetServer(chain, faucet);
  const url = await server.listen(options.port ?? 0, options.host ?? '127.0.0.1').catch((error: unknown) => {
    chain.close();
    throw error;
  });
  return {
    url,
    chain,
    chainId: chain.chainId,
    get committee() {
      return chain.committee;
    },
    accounts: accounts(chain.secret),
    faucet: (address, amount) => faucet.request(address, amount),
    advanceTime: (ms) => chain.advanceTime(ms),
    endEpoch: () => chain.endEpoch(),
    onCheckpoint: (callback) => {
      chain.events.on('checkpoint', callback);
      return () => void chain.events.off('checkpoint', callback);
    },
    close: async () => {
      await server.close();
      chain.close();
    },
  };
}

function accounts(secret: Uint8Array): Ed25519Keypair[] {
  return Array.from({ length: FUNDED_ACCOUNTS }, (_, index) => deriveKeypair(secret, String(index)));
}

function allocations(secret: Uint8Array) {
  return [
    { address: deriveKeypair(secret, 'faucet').toSuiAddress(), amount: FAUCET_ENDOWMENT },
    ...accounts(secret).map((keypair) => ({ address: keypair.toSuiAddress(), amount: ACCOUNT_ENDOWMENT })),
  ];
}
