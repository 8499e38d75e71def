import { reasonOf } from '@daasvader/program/reason.ts';
import { bcs } from '@mysten/sui/bcs';
import { ObjectError, type SuiClientTypes } from '@mysten/sui/client';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import { CLOCK_ID } from './clock.ts';
import type { ContractIds } from './deployment.ts';
import { ChainError } from './error.ts';
import { ImageKey, OBJECTS } from './layouts.ts';

type OwnedObjects = SuiClientTypes.ListOwnedObjectsResponse<{ content: true }>;
type Contents<K extends keyof typeof OBJECTS> = (typeof OBJECTS)[K]['$inferType'];

/** Contents of the contracts' objects. 64-bit numbers are decimal strings. */
export type EnclaveRegistry = Contents<'EnclaveRegistry'>;
export type Enclave = Contents<'Enclave'>;
export type Worker = Contents<'Worker'>;
export type WorkerRegistry = Contents<'WorkerRegistry'>;
export type StakingPool = Contents<'StakingPool'>;
export type Scheduler = Contents<'Scheduler'>;
export type Request = Contents<'Request'>;
export type Image = Contents<'Image'>;

/** The least stake of each role. */
export type RoleStakes = NonNullable<StakingPool['roleStakes']['current']>;

/** Of capabilities that one address may have; far more than anybody has. */
const MAX_PAGES = 100;
const STRING = '0x1::string::String';
const Clock = bcs.struct('Clock', { id: bcs.Address, timestampMs: bcs.u64() });

/** The package as it was first published, and those of its shared objects that are to be read. */
export type ReaderIds = Pick<ContractIds, 'originalPackageId'> & Partial<ContractIds> & { imagesId?: string };

/**
 * Reads the contracts' objects through a full node, which is trusted for nothing: whoever must know checks events
 * against proven heads. What is absent is `undefined` only where the full node says that it does not exist.
 */
export class ContractReader {
  readonly #client: SuiGrpcClient;
  readonly #ids: ReaderIds;
  readonly #signal: AbortSignal | undefined;

  /** @param signal ends what is being read, as `unreachable` */
  constructor(client: SuiGrpcClient, ids: ReaderIds, signal?: AbortSignal) {
    this.#client = client;
    this.#ids = ids;
    this.#signal = signal;
  }

  /** @throws ChainError `not_found`, `answer`, `unreachable` */
  registry(): Promise<EnclaveRegistry> {
    return this.#shared('registryId', 'enclave_registry', 'EnclaveRegistry');
  }

  /** @throws ChainError `not_found`, `answer`, `unreachable` */
  enclave(id: string): Promise<Enclave> {
    return this.#object(id, 'enclave_registry', 'Enclave');
  }

  /** @throws ChainError `not_found`, `answer`, `unreachable` */
  workers(): Promise<WorkerRegistry> {
    return this.#shared('workersId', 'worker_registry', 'WorkerRegistry');
  }

  /** @throws ChainError `not_found`, `answer`, `unreachable` */
  staking(): Promise<StakingPool> {
    return this.#shared('stakingId', 'staking', 'StakingPool');
  }

  /** @throws ChainError `not_found`, `answer`, `unreachable` */
  scheduler(): Promise<Scheduler> {
    return this.#shared('schedulerId', 'k8s_scheduler', 'Scheduler');
  }

  /** @throws ChainError `not_found` for the registry, `answer`, `unreachable` */
  async worker(nodeId: string): Promise<Worker | undefined> {
    const { workers } = await this.workers();
    const name = { type: STRING, bcs: bcs.string().serialize(nodeId).toBytes() };
    return this.#entry(workers.id, name, 'Worker');
  }

  /** @throws ChainError `not_found` for the scheduler, `answer`, `unreachable` */
  async request(requestId: bigint): Promise<Request | undefined> {
    const { requests } = await this.scheduler();
    const name = { type: 'u64', bcs: bcs.u64().serialize(requestId).toBytes() };
    return this.#entry(requests.id, name, 'Request');
  }

  /** @throws ChainError `not_found` for the registry, `answer`, `unreachable` */
  async image(name: string, tag: string): Promise<Image | undefined> {
    const { images } = await this.#shared('imagesId', 'image_registry', 'ImageRegistry');
    const type = `${this.#ids.originalPackageId}::image_registry::ImageKey`;
    return this.#entry(images.id, { type, bcs: ImageKey.serialize({ name, tag }).toBytes() }, 'Image');
  }

  /**
   * The role of an address: 0 none, 1 viewer, 2 developer, 3 admin, 4 super; and its bonded stake in MIST.
   *
   * @throws ChainError `answer`, `unreachable`
   */
  async role(address: string): Promise<{ role: number; stake: bigint }> {
    const [pool, nowMs] = await Promise.all([this.staking(), this.timeMs()]);
    const account = await this.#entry(pool.accounts.id, addressKey(address), 'Account');
    const stake = BigInt(account?.stake.bonded ?? 0);
    const stakes = Object.values(roleStakesAt(pool, nowMs));
    return { role: stakes.filter((least) => stake >= BigInt(least)).length, stake };
  }

  /** The namespaces that an owner claimed beside the first. @throws ChainError `answer`, `unreachable` */
  async namespaces(owner: string): Promise<string[]> {
    const { accounts } = await this.staking();
    return (await this.#entry(accounts.id, addressKey(owner), 'Account'))?.claimed ?? [];
  }

  /**
   * What an order costs now, and what is left of what was paid in for a namespace's owner; MIST.
   *
   * @throws ChainError `not_found` for the scheduler, `answer`, `unreachable`
   */
  async fees(owner: string): Promise<{ fee: bigint; balance: bigint }> {
    const [{ fees, owners }, nowMs] = await Promise.all([this.scheduler(), this.timeMs()]);
    const row = await this.#entry(owners.rows.id, addressKey(owner), 'Owner');
    return { fee: BigInt(valueAt(fees.fee, nowMs) ?? 0), balance: BigInt(row?.fees ?? 0) };
  }

  /**
   * The capability of a worker, among those of an address.
   *
   * @throws ChainError `answer`, `unreachable`
   */
  async capIdOf(owner: string, nodeId: string): Promise<string | undefined> {
    const type = `${this.#ids.originalPackageId}::worker_registry::WorkerCap`;
    const request = { owner, type, include: { content: true }, ...this.#ending } as const;
    let cursor: string | null = null;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const answer: OwnedObjects = await ask(() => this.#client.listOwnedObjects({ ...request, cursor }));
      const caps = answer.objects.map(({ content }) =>
        parse<Contents<'WorkerCap'>>(OBJECTS.WorkerCap, content, 'WorkerCap'),
      );
      const found = caps.find((cap) => cap.nodeId === nodeId);
      if (found !== undefined) return found.id;
      if (!answer.hasNextPage) return undefined;
      cursor = answer.cursor;
    }
    throw new ChainError(
      'answer',
      `Cannot read WorkerCap: ${owner} has more than ${MAX_PAGES} pages of them`,
    );
  }

  /** The chain's clock, ms since 1970. @throws ChainError `not_found`, `answer`, `unreachable` */
  async timeMs(): Promise<number> {
    const { timestampMs } = parse<{ timestampMs: string }>(Clock, await this.#contents(CLOCK_ID), 'Clock');
    return Number(timestampMs);
  }

  async #shared<K extends keyof typeof OBJECTS>(
    name: Exclude<keyof ReaderIds, 'packageId' | 'originalPackageId'>,
    module: string,
    kind: K,
  ): Promise<Contents<K>> {
    const id = this.#ids[name];
    if (id === undefined) throw new ChainError('deployment', `Cannot read ${kind}: ${name} is not known`);
    return this.#object(id, module, kind);
  }

  async #object<K extends keyof typeof OBJECTS>(id: string, module: string, kind: K): Promise<Contents<K>> {
    const type = `${this.#ids.originalPackageId}::${module}::${kind}`;
    return parse(OBJECTS[kind], await this.#contents(id, type), kind);
  }

  get #ending(): { signal?: AbortSignal } {
    return this.#signal === undefined ? {} : { signal: this.#signal };
  }

  async #contents(id: string, type?: string): Promise<Uint8Array> {
    const request = { objectId: id, include: { content: true }, ...this.#ending } as const;
    const { object } = await ask(() => this.#client.getObject(request));
    if (type !== undefined && object.type !== type)
      throw new ChainError('answer', `Cannot read object ${id}: it has another type`, {
        expected: type,
        actual: object.type,
      });
    return object.content;
  }

  async #entry<K extends keyof typeof OBJECTS>(
    parentId: string,
    name: { type: string; bcs: Uint8Array },
    kind: K,
  ): Promise<Contents<K> | undefined> {
    try {
      const { dynamicField } = await ask(() =>
        this.#client.getDynamicField({ parentId, name, ...this.#ending }),
      );
      return parse(OBJECTS[kind], dynamicField.value.bcs, kind);
    } catch (error) {
      if (error instanceof ChainError && error.code === 'not_found') return undefined;
      throw error;
    }
  }
}

/**
 * The id of the enclave that leads, if one does. It counts only while it is in a seat: another enclave of the same host may
 * have taken that.
 */
export function leaderOf(registry: EnclaveRegistry): string | undefined {
  const { leader } = registry.lease;
  return leader !== null && seatOf(registry, leader.host) === leader.enclaveId ? leader.enclaveId : undefined;
}

/** The id of the enclave in a host's seat, if there is one. */
export function seatOf({ seats }: EnclaveRegistry, host: string): string | undefined {
  return seats.list.find((seat) => seat.host === host)?.enclaveId ?? undefined;
}

/**
 * What roles take at a time of the chain's clock.
 *
 * @throws ChainError `answer` for a pool without stakes of roles, which the contracts never make
 */
export function roleStakesAt({ roleStakes }: StakingPool, nowMs: number): RoleStakes {
  const stakes = valueAt(roleStakes, nowMs);
  if (stakes === null) throw new ChainError('answer', 'Cannot read StakingPool: it has no stakes of roles');
  return stakes;
}

/** What a value that changes after a delay is at a time of the chain's clock; null before its first. */
export function valueAt<T>(
  { current, pending, effectiveAtMs }: { current: T | null; pending: T | null; effectiveAtMs: string },
  nowMs: number,
): T | null {
  const isDue = pending !== null && BigInt(effectiveAtMs) <= BigInt(nowMs);
  return isDue ? pending : current;
}

function addressKey(address: string): { type: string; bcs: Uint8Array } {
  return { type: 'address', bcs: bcs.Address.serialize(address).toBytes() };
}

async function ask<T>(question: () => Promise<T>): Promise<T> {
  try {
    return await question();
  } catch (cause) {
    const code = cause instanceof ObjectError && cause.reason === 'notFound' ? 'not_found' : 'unreachable';
    throw new ChainError(code, `Cannot read from the chain: ${reasonOf(cause)}`, { cause });
  }
}

function parse<T>(layout: { parse(bytes: Uint8Array): unknown }, bytes: Uint8Array, kind: string): T {
  try {
    return layout.parse(bytes) as T;
  } catch (cause) {
    throw new ChainError('answer', `Cannot read ${kind}: the bytes are not of its form`, { cause });
  }
}
