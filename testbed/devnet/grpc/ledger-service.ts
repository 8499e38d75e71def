import type { GrpcTypes } from '@mysten/sui/grpc';
import { isValidSuiAddress, normalizeSuiAddress } from '@mysten/sui/utils';
import type { Chain } from '../chain/chain.ts';
import type { Epoch } from '../chain/epoch.ts';
import type { StoredCheckpoint } from '../chain/store.ts';
import { DevnetError, unsupported } from '../error.ts';
import { GAS, PROTOCOL_VERSION } from '../protocol.ts';
import type { ChainObject } from '../transaction/object.ts';
import { checkpointMessage } from './checkpoint-message.ts';
import { executedMessage } from './executed-message.ts';
import { listService } from './list-service.ts';
import { Mask } from './mask.ts';
import { objectMessage } from './object-message.ts';
import { timestampMessage } from './transaction-message.ts';
import { STATUS } from './wire.ts';

type ErrorResult = Extract<GrpcTypes.GetObjectResult['result'], { oneofKind: 'error' }>;

const OBJECT_MASK = 'object_id,version,digest';
const EPOCH_MASK =
  'epoch,first_checkpoint,last_checkpoint,start,end,reference_gas_price,protocol_config.protocol_version';
const MAX_BATCH = 200;

/** `sui.rpc.v2.LedgerService`. */
export function ledgerService(chain: Chain) {
  const { store } = chain;
  return {
    getServiceInfo(): GrpcTypes.GetServiceInfoResponse {
      const { sequence, timestampMs } = store.latestCheckpoint()!;
      return {
        chainId: chain.chainId,
        chain: 'daasvader-devnet',
        epoch: chain.committee.epoch,
        checkpointHeight: BigInt(sequence),
        timestamp: timestampMessage(timestampMs),
        lowestAvailableCheckpoint: 0n,
        lowestAvailableCheckpointObjects: 0n,
        server: 'daasvader-devnet/0.1.0',
      };
    },

    getObject(request: GrpcTypes.GetObjectRequest): GrpcTypes.GetObjectResponse {
      return {
        object: objectMessage(
          chain,
          findObject(chain, request),
          Mask.of(request.readMask, OBJECT_MASK, 'Object'),
        ),
      };
    },

    batchGetObjects({
      requests,
      readMask,
    }: GrpcTypes.BatchGetObjectsRequest): GrpcTypes.BatchGetObjectsResponse {
      const mask = Mask.of(readMask, OBJECT_MASK, 'Object');
      checkBatch(requests.length);
      const objects = requests.map(
        (request): GrpcTypes.GetObjectResult => ({
          result: attempt(
            () =>
              ({
                oneofKind: 'object',
                object: objectMessage(chain, findObject(chain, request), mask),
              }) as const,
          ),
        }),
      );
      return { objects };
    },

    getTransaction({ digest, readMask }: GrpcTypes.GetTransactionRequest): GrpcTypes.GetTransactionResponse {
      return {
        transaction: findTransaction(chain, digest, Mask.of(readMask, 'digest', 'ExecutedTransaction')),
      };
    },

    batchGetTransactions({
      digests,
      readMask,
    }: GrpcTypes.BatchGetTransactionsRequest): GrpcTypes.BatchGetTransactionsResponse {
      const mask = Mask.of(readMask, 'digest', 'ExecutedTransaction');
      checkBatch(digests.length);
      const transactions = digests.map(
        (digest): GrpcTypes.GetTransactionResult => ({
          result: attempt(
            () => ({ oneofKind: 'transaction', transaction: findTransaction(chain, digest, mask) }) as const,
          ),
        }),
      );
      return { transactions };
    },

    getCheckpoint({
      checkpointId,
      readMask,
    }: GrpcTypes.GetCheckpointRequest): GrpcTypes.GetCheckpointResponse {
      const checkpoint = findCheckpoint(chain, checkpointId);
      return {
        checkpoint: checkpointMessage(
          chain,
          checkpoint,
          Mask.of(readMask, 'sequence_number,digest', 'Checkpoint'),
        ),
      };
    },

    ...listService(chain),

    getEpoch({ epoch, readMask }: GrpcTypes.GetEpochRequest): GrpcTypes.GetEpochResponse {
      const found = chain.epoch(epoch);
      if (found === undefined) throw new DevnetError('NOT_FOUND', `Epoch ${epoch} not found`);
      const mask = Mask.of(readMask, EPOCH_MASK, 'Epoch');
      return { epoch: epochMessage(chain, found, mask) };
    },
  };
}

function epochMessage({ store }: Chain, { committee, ...epoch }: Epoch, mask: Mask): GrpcTypes.Epoch {
  if (mask.names('system_state')) throw unsupported('Field system_state of an epoch');
  const message: GrpcTypes.Epoch = {};
  if (mask.has('epoch')) message.epoch = committee.epoch;
  if (mask.has('committee')) {
    const members = committee.members.map(({ publicKey, weight }) => ({ publicKey, weight }));
    message.committee = { epoch: committee.epoch, members };
  }
  if (mask.has('first_checkpoint')) message.firstCheckpoint = BigInt(epoch.firstCheckpoint);
  if (mask.has('start')) message.start = timestampMessage(epoch.startMs);
  if (epoch.lastCheckpoint !== undefined) {
    if (mask.has('last_checkpoint')) message.lastCheckpoint = BigInt(epoch.lastCheckpoint);
    if (mask.has('end')) message.end = timestampMessage(store.checkpoint(epoch.lastCheckpoint)!.timestampMs);
  }
  if (mask.has('reference_gas_price')) message.referenceGasPrice = GAS.referencePrice;
  if (mask.has('protocol_config')) {
    message.protocolConfig = {
      protocolVersion: PROTOCOL_VERSION,
      featureFlags: {},
      attributes: {},
      configs: {},
    };
  }
  return message;
}

function findObject({ store }: Chain, { objectId, version }: GrpcTypes.GetObjectRequest): ChainObject {
  if (objectId === undefined || !isValidSuiAddress(normalizeSuiAddress(objectId))) {
    throw new DevnetError(
      'INVALID_ARGUMENT',
      `Cannot get object: ${objectId ?? 'missing object_id'} is not an object id`,
    );
  }
  const id = normalizeSuiAddress(objectId);
  const object = version === undefined ? store.object(id) : store.objectAt(id, version);
  if (object === undefined) {
    throw new DevnetError(
      'NOT_FOUND',
      `Object ${id}${version === undefined ? '' : ` with version ${version}`} not found`,
    );
  }
  return object;
}

function findTransaction(
  chain: Chain,
  digest: string | undefined,
  mask: Mask,
): GrpcTypes.ExecutedTransaction {
  if (digest === undefined)
    throw new DevnetError('INVALID_ARGUMENT', 'Cannot get transaction: digest is missing');
  const transaction = chain.store.transaction(digest);
  if (transaction === undefined) throw new DevnetError('NOT_FOUND', `Transaction ${digest} not found`);
  return executedMessage(chain, transaction, mask);
}

function findCheckpoint(
  { store }: Chain,
  id: GrpcTypes.GetCheckpointRequest['checkpointId'],
): StoredCheckpoint {
  if (id.oneofKind === undefined) return store.latestCheckpoint()!;
  const key = id.oneofKind === 'digest' ? id.digest : id.sequenceNumber;
  const checkpoint = store.checkpoint(typeof key === 'bigint' ? Number(key) : key);
  if (checkpoint === undefined) throw new DevnetError('NOT_FOUND', `Checkpoint ${key} not found`);
  return checkpoint;
}

function checkBatch(size: number): void {
  if (size > MAX_BATCH)
    throw new DevnetError('INVALID_ARGUMENT', `number of batch requests exceed limit of ${MAX_BATCH}`);
}

/** In a batch, one missing item is that item's error. */
function attempt<T>(find: () => T): T | ErrorResult {
  try {
    return find();
  } catch (error) {
    if (!(error instanceof DevnetError)) throw error;
    return {
      oneofKind: 'error',
      error: { code: STATUS[error.code], message: error.message, details: [] },
    } as const;
  }
}
