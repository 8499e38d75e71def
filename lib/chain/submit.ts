import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '@daasvader/program/reason.ts';
import type { Signer } from '@mysten/sui/cryptography';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import { Transaction } from '@mysten/sui/transactions';
import { abortName } from './aborts.ts';
import { ChainError, type ContractAbort } from './error.ts';
import { type ChainEvent, decodeEvent } from './events.ts';
import { isRefusal } from './refusal.ts';

/**
 * MIST above what the simulation took: until the transaction is executed others may change the shared objects that it
 * touches, and then it may have to pay for storage that was there when it was simulated. What is not used is not taken.
 */
const GAS_MARGIN = 20_000_000n;

/** How often a transaction is made whose coin is spent meanwhile, as by another program with the same wallet. */
const TRIES = 5;
/** Those who are in each other's way wait for different times. */
const MAX_PAUSE_MS = 300;
/** As Sui's validators say it (`UserInputError::ObjectVersionUnavailableForConsumption`). */
const OVERTAKEN = /unavailable for consumption/;

/** What became of a transaction that succeeded. */
export interface Submitted {
  digest: string;
  /** MIST that it cost, less what it got back for storage that it freed. */
  gas: bigint;
  /** Ids of the objects that it made, with their full types. */
  created: readonly { id: string; type: string }[];
  /** Ids of the packages that it published. */
  packages: readonly string[];
  /** Events as the chain emitted them; those of the contracts can be decoded with {@link contractEvents}. */
  events: readonly { type: string; bytes: Uint8Array }[];
}

/** Asked before a transaction is signed, with the most MIST of gas that it may take; throws to have it not signed. */
export type Agree = (gasBudget: bigint) => Promise<void>;

/**
 * Builds, signs and executes a transaction, and waits until the full node shows what it did.
 *
 * @param build - adds the commands
 * @throws ChainError as {@link execute}; `unreachable` with the digest when it was executed but is not shown
 */
export async function submit(
  client: SuiGrpcClient,
  signer: Signer,
  build: (tx: Transaction) => void,
): Promise<Submitted> {
  const submitted = await execute(client, signer, build);
  const { digest } = submitted;
  try {
    await client.waitForTransaction({ digest });
  } catch (cause) {
    const message = `Cannot see transaction ${digest}, which was executed: ${(cause as Error).message}`;
    throw new ChainError('unreachable', message, { digest, cause });
  }
  return submitted;
}

/**
 * Builds, signs and executes a transaction; what is read right after may be from before it.
 *
 * @param build - adds the commands
 * @throws what `agree` throws; ChainError `abort` when a contract refused, `execution` when it failed or was refused otherwise,
 * `unreachable` when no full node answered, which does not say that nothing happened
 */
export async function execute(
  client: SuiGrpcClient,
  signer: Signer,
  build: (tx: Transaction) => void,
  agree: Agree = async () => undefined,
): Promise<Submitted> {
  let agreed = -1n;
  const askOnce: Agree = async (gasBudget) => {
    if (gasBudget <= agreed) return;
    await agree(gasBudget);
    agreed = gasBudget;
  };
  for (let left = TRIES - 1; ; left -= 1) {
    try {
      return await executeOnce(client, signer, build, askOnce);
    } catch (error) {
      if (left === 0 || !isOvertaken(error)) throw error;
    }
    await sleep(Math.random() * MAX_PAUSE_MS);
  }
}

/** Whether it was refused, and so not executed, because another transaction of the wallet spent the same coin first. */
function isOvertaken(error: unknown): boolean {
  return error instanceof ChainError && error.code === 'execution' && OVERTAKEN.test(error.message);
}

async function executeOnce(
  client: SuiGrpcClient,
  signer: Signer,
  build: (tx: Transaction) => void,
  agree: Agree,
): Promise<Submitted> {
  const transaction = new Transaction();
  transaction.setSenderIfNotSet(signer.toSuiAddress());
  build(transaction);
  await agree(await prepare(client, transaction));
  const result = await signAndExecute(client, signer, transaction);
  if (result.$kind === 'FailedTransaction') {
    const { digest, status } = result.FailedTransaction;
    throw executionError(status.error, digest);
  }
  const { digest, effects, objectTypes, events } = result.Transaction;
  const made = effects.changedObjects.filter(({ idOperation }) => idOperation === 'Created');
  const isPackage = (change: (typeof made)[number]) => change.outputState === 'PackageWrite';
  return {
    digest,
    gas: gasOf(effects.gasUsed),
    created: made
      .filter((change) => !isPackage(change))
      .map(({ objectId }) => ({ id: objectId, type: objectTypes[objectId] ?? '' })),
    packages: made.filter(isPackage).map(({ objectId }) => objectId),
    events: events.map(({ eventType, bcs }) => ({ type: eventType, bytes: bcs })),
  };
}

/** The contracts' own events of a transaction, decoded; without those of kinds that are not known here. */
export function contractEvents({ events }: Submitted, originalPackageId: string): ChainEvent[] {
  return events
    .filter(({ type }) => type.startsWith(`${originalPackageId}::`))
    .flatMap((event) => decodeEvent(event) ?? []);
}

/**
 * The id of the one object of a type that a transaction made.
 *
 * @param suffix - the end of the type, such as `::worker_registry::WorkerCap`
 * @throws ChainError `answer` when there is none
 */
export function createdObject({ created, digest }: Submitted, suffix: string): string {
  const found = created.find(({ type }) => type.endsWith(suffix));
  if (found === undefined)
    throw new ChainError('answer', `Cannot find new object: ${digest} made no ${suffix}`, { digest });
  return found.id;
}

/** Has a full node simulate the transaction; @returns its gas budget, MIST */
async function prepare(client: SuiGrpcClient, transaction: Transaction): Promise<bigint> {
  try {
    await transaction.build({ client });
  } catch (cause) {
    throw failureOf(cause);
  }
  const budget = BigInt(transaction.getData().gasData.budget ?? 0) + GAS_MARGIN;
  transaction.setGasBudget(budget);
  return budget;
}

async function signAndExecute(client: SuiGrpcClient, signer: Signer, transaction: Transaction) {
  const include = { effects: true, objectTypes: true, events: true } as const;
  try {
    return await client.signAndExecuteTransaction({ transaction, signer, include });
  } catch (cause) {
    throw failureOf(cause);
  }
}

function failureOf(cause: unknown): ChainError {
  // A transaction that would fail is refused while it is built, when the full node simulates it.
  const failure = (cause as { executionError?: ExecutionFailure }).executionError;
  if (failure !== undefined) return executionError(failure, undefined, cause);
  const code = isRefusal(cause) ? 'execution' : 'unreachable';
  return new ChainError(code, `Cannot execute transaction: ${reasonOf(cause)}`, { cause });
}

function gasOf({ computationCost, storageCost, storageRebate }: GasUsed): bigint {
  return BigInt(computationCost) + BigInt(storageCost) - BigInt(storageRebate);
}

/** What of the gas summary is read here, MIST. */
type GasUsed = Record<'computationCost' | 'storageCost' | 'storageRebate', string>;

/** What of an execution error is read here. */
interface ExecutionFailure {
  message?: string;
  MoveAbort?: { abortCode: string; location?: { module?: string } };
}

function executionError(
  error: ExecutionFailure | null | undefined,
  digest?: string,
  cause?: unknown,
): ChainError {
  const options = { cause, ...(digest !== undefined && { digest }) };
  if (error?.MoveAbort === undefined) {
    return new ChainError(
      'execution',
      `Cannot execute transaction: ${error?.message ?? 'no reason given'}`,
      options,
    );
  }
  const { abortCode, location } = error.MoveAbort;
  const module = location?.module ?? 'unknown';
  const code = Number(abortCode);
  const abort: ContractAbort = { module, code, name: abortName(module, code) };
  const message = `Cannot execute transaction: ${module} aborted with ${abort.name} (${code})`;
  return new ChainError('abort', message, { ...options, abort });
}
