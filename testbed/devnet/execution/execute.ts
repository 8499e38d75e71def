import { fromBase58 } from '@mysten/bcs';
import { GAS } from '../protocol.ts';
import type { ObjectTransition } from '../transaction/effects.ts';
import { balanceOf, type LoadedInputs, programmable, type TransactionData } from '../transaction/inputs.ts';
import { type ChainObject, coinContents, type PackageData } from '../transaction/object.ts';
import { packageCode } from '../transaction/package-code.ts';
import { SUI_COIN_TYPE } from '../transaction/type-name.ts';
import { LinkedVm } from '../vm/linked-vm.ts';
import type { Address, EmittedEvent, MoveVm, NitroVerifier, Session, SessionOptions } from '../vm/types.ts';
import { type CommandOutput, runCommand } from './commands.ts';
import { ExecutionFailure, fromVmError } from './failure.ts';
import { chargeInputs } from './metering.ts';
import { Settlement } from './settlement.ts';
import { checkUnused, type Slot, Values } from './values.ts';

/** The chain around a transaction. */
export interface ExecutionEnvironment {
  vm: MoveVm;
  createSession(options: SessionOptions): Session;
  object(id: Address): ChainObject | undefined;
  nitro: NitroVerifier;
  epoch: bigint;
  epochTimestampMs: bigint;
}

/** What a transaction did, gas included. */
export interface Execution {
  failure: ExecutionFailure | undefined;
  transitions: Map<Address, ObjectTransition>;
  events: EmittedEvent[];
  outputs: CommandOutput[];
  /** Computation units, before they are rounded up to what is charged. */
  units: number;
  settlement: Settlement;
}

/** Runs a transaction whose inputs were checked. Never throws for what the transaction itself does wrong. */
export function execute(
  chain: ExecutionEnvironment,
  digest: string,
  data: TransactionData,
  loaded: LoadedInputs,
): Execution {
  const environment = publishes(data) ? withOwnVm(chain, (id) => settlement.package(id)) : chain;
  const settlement: Settlement = new Settlement(environment, digest, data, loaded);
  const session = environment.createSession(sessionOptions(environment, digest, data, loaded, settlement));
  const gas = gasSlot(loaded, BigInt(data.gasData.budget));
  const values = new Values(gas, loaded.slots);
  const outputs: CommandOutput[] = [];
  try {
    chargeInputs(session.meter, environment.vm, data, loaded);
    runCommands(environment, data, { session, values, settlement, outputs });
    checkUnused(values);
    const transitions = settlement.succeed(session, values);
    const { events } = settlement;
    return { failure: undefined, transitions, events, outputs, units: session.meter.units, settlement };
  } catch (error) {
    const reason = fromVmError(error);
    return {
      failure: reason,
      transitions: settlement.fail(session.meter.units, 'MoveAbort' in reason.status),
      events: [],
      outputs,
      units: session.meter.units,
      settlement,
    };
  }
}

interface Run {
  session: Session;
  values: Values;
  settlement: Settlement;
  outputs: CommandOutput[];
}

function runCommands(environment: ExecutionEnvironment, data: TransactionData, run: Run): void {
  const { session, values, settlement, outputs } = run;
  const context = {
    vm: environment.vm,
    session,
    values,
    references: 0,
    package: (id: Address) => settlement.package(id),
    addPackage: (id: Address, version: bigint, data: PackageData) => settlement.addPackage(id, version, data),
  };
  for (const [index, command] of programmable(data).commands.entries()) {
    try {
      outputs.push(runCommand(context, command));
    } catch (error) {
      if (error instanceof ExecutionFailure) error.command = index;
      throw error;
    }
  }
}

function publishes(data: TransactionData): boolean {
  return programmable(data).commands.some(({ $kind }) => $kind === 'Publish' || $kind === 'Upgrade');
}

/** New packages are known to a VM of this transaction alone, so that nothing is left of one that fails or is simulated. */
function withOwnVm(
  environment: ExecutionEnvironment,
  find: (id: Address) => ChainObject | undefined,
): ExecutionEnvironment {
  return { ...environment, vm: new LinkedVm({ package: (id) => packageCode(find(id)) }) };
}

function sessionOptions(
  environment: ExecutionEnvironment,
  digest: string,
  data: TransactionData,
  loaded: LoadedInputs,
  settlement: Settlement,
): SessionOptions {
  const price = BigInt(data.gasData.price);
  const budget = BigInt(data.gasData.budget);
  return {
    sender: data.sender,
    sponsor: data.gasData.owner === data.sender ? undefined : data.gasData.owner,
    transactionDigest: fromBase58(digest),
    epoch: environment.epoch,
    epochTimestampMs: environment.epochTimestampMs,
    gasPrice: price,
    referenceGasPrice: GAS.referencePrice,
    gasBudget: budget,
    gasLimit: Math.min(GAS.maxUnits, Number(budget / price)),
    nitro: environment.nitro,
    objects: {
      child: (parent, id) => settlement.child(parent, id),
      receivable: (parent, id, version) => settlement.receivable(parent, id, version),
      inputOwner: (id) => {
        const owner = loaded.all.get(id)?.owner;
        return owner?.kind === 'shared' ? { kind: 'shared' } : owner;
      },
    },
  };
}

/** All gas coins in one, less the budget, which is kept back until gas is paid. */
function gasSlot({ gasCoins }: LoadedInputs, budget: bigint): Slot {
  const balance = gasCoins.reduce((sum, coin) => sum + balanceOf(coin), 0n);
  const coin = gasCoins[0]!;
  return {
    type: SUI_COIN_TYPE,
    abilities: { copy: false, drop: false, store: true, key: true },
    bcs: coinContents(coin.id, balance - budget),
    input: { id: coin.id, owner: coin.owner, mutable: true },
    isGas: true,
  };
}
