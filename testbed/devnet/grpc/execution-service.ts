import { bcs } from '@mysten/sui/bcs';
import type { GrpcTypes } from '@mysten/sui/grpc';
import type { Chain } from '../chain/chain.ts';
import { DevnetError } from '../error.ts';
import { GAS } from '../protocol.ts';
import type { Simulation } from '../transaction/executor.ts';
import { computationCost, netCost } from '../transaction/gas.ts';
import { balanceOf, programmable, type TransactionData } from '../transaction/inputs.ts';
import { type ChainObject, coinBalance, coinContents, encodeObject } from '../transaction/object.ts';
import { SUI_COIN_TYPE } from '../transaction/type-name.ts';
import type { Address } from '../vm/types.ts';
import { executedMessage } from './executed-message.ts';
import { Mask } from './mask.ts';
import { argumentMessage } from './transaction-message.ts';
import { resolveRequest } from './transaction-request.ts';

const MAX_GAS_COINS = 256;
/** Simulation of an unpaid transaction pays from this coin, which exists nowhere else. */
const MOCK_COIN_ID: Address = `0x${'f'.repeat(64)}`;
const MOCK_BALANCE = 10n ** 18n;

/** `sui.rpc.v2.TransactionExecutionService`. */
export function executionService(chain: Chain) {
  return {
    async executeTransaction(
      request: GrpcTypes.ExecuteTransactionRequest,
    ): Promise<GrpcTypes.ExecuteTransactionResponse> {
      const bytes = request.transaction?.bcs?.value;
      if (bytes === undefined)
        throw new DevnetError('INVALID_ARGUMENT', 'Cannot execute transaction: transaction.bcs is missing');
      const signatures = request.signatures.map(({ bcs: signature }) => {
        if (signature?.value === undefined)
          throw new DevnetError('INVALID_ARGUMENT', 'Cannot execute transaction: a signature without bcs');
        return signature.value;
      });
      const stored = await chain.submit(bytes, signatures);
      return {
        transaction: executedMessage(
          chain,
          stored,
          Mask.of(request.readMask, 'effects.status,checkpoint', 'ExecutedTransaction'),
        ),
      };
    },

    async simulateTransaction(
      request: GrpcTypes.SimulateTransactionRequest,
    ): Promise<GrpcTypes.SimulateTransactionResponse> {
      if (request.transaction === undefined)
        throw new DevnetError('INVALID_ARGUMENT', 'Cannot simulate: transaction is missing');
      const mask = Mask.of(request.readMask, '*', 'SimulateTransactionResponse');
      const { data, hasBudget } = resolveRequest(chain, request.transaction);
      const simulation = await simulate(chain, data, hasBudget, request.doGasSelection ?? false);
      const message: GrpcTypes.SimulateTransactionResponse = {
        commandOutputs: [],
        suggestedGasPrice: GAS.referencePrice,
      };
      if (mask.has('transaction'))
        message.transaction = executedMessage(chain, simulation.record, mask.in('transaction'));
      if (mask.has('command_outputs')) message.commandOutputs = commandOutputs(simulation);
      return message;
    },
  };
}

/** MIST that a simulation has when it is not told a budget; few transactions can cost so much. */
const TRIAL_BUDGET = '50000000000';

async function simulate(
  chain: Chain,
  data: TransactionData,
  hasBudget: boolean,
  selectGas: boolean,
): Promise<Simulation> {
  if (data.gasData.payment.length > 0 && hasBudget) return chain.simulate(encode(data));
  const mock = mockCoin(data.gasData.owner);
  const budget = hasBudget ? data.gasData.budget : TRIAL_BUDGET;
  const trial = withGas(
    data,
    budget,
    data.gasData.payment.length > 0 ? data.gasData.payment : [reference(mock)],
  );
  const first = await chain.simulate(encode(trial), [mock]);
  if (!selectGas) return first;
  const estimate = hasBudget ? BigInt(budget) : estimateBudget(first, BigInt(data.gasData.price));
  const payment =
    data.gasData.payment.length > 0
      ? data.gasData.payment
      : selectCoins(chain, data, estimate, drawn(first, estimate));
  const resolved = withGas(data, estimate.toString(), payment);
  return chain.simulate(encode(resolved));
}

/** What it cost, and the cheapest computation once more for luck, as Sui's full nodes estimate. */
function estimateBudget({ execution }: Simulation, price: bigint): bigint {
  const { gas } = execution.settlement;
  let estimate = computationCost(0, price, false) + gas.computationCost;
  const storage = gas.storageCost - gas.storageRebate;
  if (storage > 0n) estimate += storage;
  if (estimate > GAS.maxBudget) return GAS.maxBudget;
  return estimate;
}

/** What commands took out of the mock coin, beside gas. */
function drawn({ execution }: Simulation, estimate: bigint): bigint {
  const after = execution.transitions.get(MOCK_COIN_ID)?.after;
  if (after === undefined || after.data.kind !== 'move') return 0n;
  const spent = MOCK_BALANCE - coinBalance(after.data.contents) - netCost(execution.settlement.gas);
  return spent > 0n && spent < MOCK_BALANCE - estimate ? spent : 0n;
}

/** Largest coins first, until they cover the budget and what the commands take from the gas coin. */
function selectCoins(chain: Chain, data: TransactionData, budget: bigint, drawnFromGas: bigint) {
  const used = new Set(programmable(data).inputs.map((input) => input.Object?.ImmOrOwnedObject?.objectId));
  const { items } = chain.store.ownedBy(data.gasData.owner, 'address', { type: SUI_COIN_TYPE, limit: 1_000 });
  const coins = items
    .filter(({ id }) => !used.has(id))
    .sort((a, b) => (balanceOf(a) < balanceOf(b) ? 1 : -1))
    .slice(0, MAX_GAS_COINS);
  const selected: ChainObject[] = [];
  let sum = 0n;
  for (const coin of coins) {
    if (sum >= budget + drawnFromGas) break;
    selected.push(coin);
    sum += balanceOf(coin);
  }
  if (sum < budget) {
    throw new DevnetError(
      'INVALID_ARGUMENT',
      `Unable to perform gas selection due to insufficient SUI balance (in address balance or coins) for account ${data.gasData.owner} to satisfy required budget ${budget}`,
    );
  }
  return selected.map(reference);
}

function withGas(
  data: TransactionData,
  budget: string,
  payment: TransactionData['gasData']['payment'],
): TransactionData {
  return { ...data, gasData: { ...data.gasData, budget, payment } };
}

function encode(data: TransactionData): Uint8Array {
  return bcs.TransactionData.serialize({ V1: data }).toBytes();
}

function reference(object: ChainObject) {
  return { objectId: object.id, version: object.version.toString(), digest: encodeObject(object).digest };
}

function mockCoin(owner: Address): ChainObject {
  return {
    id: MOCK_COIN_ID,
    version: 1n,
    owner: { kind: 'address', address: owner },
    data: {
      kind: 'move',
      type: SUI_COIN_TYPE,
      hasPublicTransfer: true,
      contents: coinContents(MOCK_COIN_ID, MOCK_BALANCE),
    },
    previousTransaction: '11111111111111111111111111111111',
    storageRebate: 0n,
  };
}

function commandOutputs({ execution }: Simulation): GrpcTypes.CommandResult[] {
  return execution.outputs.map(({ returns, mutated }) => ({
    returnValues: returns.map(({ type, bcs: value }) => ({ value: { name: type, value } })),
    mutatedByRef: mutated.map(({ argument, type, bcs: value }) => ({
      argument: argumentMessage(argument),
      value: { name: type, value },
    })),
  }));
}
