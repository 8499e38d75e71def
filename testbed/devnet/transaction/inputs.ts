import { fromBase64 } from '@mysten/bcs';
import type { bcs } from '@mysten/sui/bcs';
import { DevnetError, unsupported } from '../error.ts';
import { PURE, type Slot } from '../execution/values.ts';
import { GAS, TRANSACTION_LIMITS as LIMITS } from '../protocol.ts';
import type { Address } from '../vm/types.ts';
import { type ChainObject, CLOCK_ID, coinBalance, encodeObject } from './object.ts';
import { SUI_COIN_TYPE } from './type-name.ts';
import { checkCommands, invalid, packagesOf } from './validity.ts';

export type TransactionData = (typeof bcs.TransactionData.$inferType)['V1'];
type CallArg = typeof bcs.CallArg.$inferType;
type ObjectRef = typeof bcs.SuiObjectRef.$inferType;

/** Reads live objects; simulation adds a gas coin that does not exist. */
export interface ObjectSource {
  object(id: Address): ChainObject | undefined;
  lastVersion(id: Address): bigint | undefined;
}

/** The objects a transaction starts from, checked. */
export interface LoadedInputs {
  slots: Slot[];
  /** Gas coins, the first of which pays and takes in the others. Empty for no gas payment. */
  gasCoins: ChainObject[];
  /** Objects whose version this transaction raises: owned ones, shared ones it may change, gas coins. */
  mutable: Map<Address, ChainObject>;
  /** Shared objects it only reads, in order of appearance. */
  readShared: Map<Address, ChainObject>;
  /** Every input object, receiving ones included, for versions. */
  all: Map<Address, ChainObject>;
  /** Of these, the ones that are only there to be received. */
  receiving: Set<Address>;
  /** Packages that commands name. */
  packages: ChainObject[];
}

/** Loads and checks all objects that a transaction names. @throws {DevnetError} */
export function loadInputs(source: ObjectSource, data: TransactionData): LoadedInputs {
  const transaction = programmable(data);
  checkCommands(transaction.commands);
  const loaded: LoadedInputs = {
    slots: [],
    gasCoins: [],
    mutable: new Map(),
    readShared: new Map(),
    all: new Map(),
    receiving: new Set(),
    packages: [],
  };
  for (const input of transaction.inputs) loaded.slots.push(loadInput(source, data.sender, input, loaded));
  for (const reference of data.gasData.payment) loadGasCoin(source, data.gasData.owner, reference, loaded);
  for (const id of packagesOf(transaction.commands)) loaded.packages.push(existingPackage(source, id));
  if (loaded.all.size + loaded.packages.length > LIMITS.inputs)
    throw invalid(`Size limit exceeded: maximum input objects in a transaction is ${LIMITS.inputs}`);
  checkGas(data, loaded.gasCoins);
  return loaded;
}

/** @returns the programmable transaction in the data, the only kind users may send */
export function programmable(data: TransactionData) {
  if (data.kind.$kind !== 'ProgrammableTransaction')
    throw unsupported(`Transaction kind ${data.kind.$kind} from users`);
  return data.kind.ProgrammableTransaction;
}

function loadInput(source: ObjectSource, sender: Address, input: CallArg, loaded: LoadedInputs): Slot {
  if (input.$kind === 'Pure') return loadPure(fromBase64(input.Pure.bytes));
  if (input.$kind !== 'Object') throw unsupported(`Input ${input.$kind}`);
  switch (input.Object.$kind) {
    case 'ImmOrOwnedObject':
      return loadOwned(source, sender, input.Object.ImmOrOwnedObject, loaded);
    case 'SharedObject':
      return loadShared(source, input.Object.SharedObject, loaded);
    case 'Receiving':
      return loadReceiving(source, input.Object.Receiving, loaded);
  }
}

function loadPure(bytes: Uint8Array): Slot {
  if (bytes.length >= LIMITS.pureBytes)
    throw invalid(`Size limit exceeded: maximum pure argument size is ${LIMITS.pureBytes - 1}`);
  return { type: undefined, abilities: PURE, bcs: bytes };
}

function loadOwned(source: ObjectSource, sender: Address, ref: ObjectRef, loaded: LoadedInputs): Slot {
  const object = atReference(source, ref);
  const { owner } = object;
  if (owner.kind === 'shared') throw invalid(`Object ${ref.objectId} is shared and was passed as owned`);
  if (owner.kind === 'object') throw invalid(`Object ${ref.objectId} is owned by object ${owner.parent}`);
  if (owner.kind === 'address' && owner.address !== sender) {
    throw invalid(
      `Object ${ref.objectId} is owned by account address ${owner.address}, but given owner/signer address is ${sender}`,
    );
  }
  admit(object, loaded);
  if (owner.kind === 'address') loaded.mutable.set(object.id, object);
  return objectSlot(object, owner.kind === 'address');
}

function loadShared(
  source: ObjectSource,
  ref: { objectId: Address; initialSharedVersion: string; mutable: boolean },
  loaded: LoadedInputs,
): Slot {
  if (ref.objectId === CLOCK_ID && ref.mutable)
    throw invalid(`Object ${CLOCK_ID}, the clock, may only be read`);
  const object = existing(source, ref.objectId);
  if (object.owner.kind !== 'shared') throw invalid(`Object ${ref.objectId} is not shared`);
  if (object.owner.initialVersion !== BigInt(ref.initialSharedVersion)) {
    throw invalid(
      `Object ${ref.objectId} was shared at version ${object.owner.initialVersion}, not ${ref.initialSharedVersion}`,
    );
  }
  admit(object, loaded);
  (ref.mutable ? loaded.mutable : loaded.readShared).set(object.id, object);
  return objectSlot(object, ref.mutable);
}

/** The right to receive: the object must exist at that version; who owns it is checked when it is received. */
function loadReceiving(source: ObjectSource, ref: ObjectRef, loaded: LoadedInputs): Slot {
  const object = atReference(source, ref);
  if (object.owner.kind !== 'address')
    throw invalid(`Object ${ref.objectId} cannot be received: no address owns it`);
  admit(object, loaded);
  loaded.receiving.add(object.id);
  const contents = new Uint8Array(40);
  contents.set(Buffer.from(object.id.slice(2), 'hex'));
  new DataView(contents.buffer).setBigUint64(32, object.version, true);
  return { type: undefined, abilities: { ...PURE, copy: false }, bcs: contents, receiving: object };
}

function loadGasCoin(source: ObjectSource, owner: Address, ref: ObjectRef, loaded: LoadedInputs): void {
  const coin = atReference(source, ref);
  if (coin.owner.kind !== 'address' || coin.owner.address !== owner) {
    throw invalid(`Gas object ${ref.objectId} is not owned by the gas owner ${owner}`);
  }
  if (coin.data.kind !== 'move' || coin.data.type !== SUI_COIN_TYPE)
    throw invalid(`Gas object ${ref.objectId} is not a SUI coin`);
  admit(coin, loaded);
  loaded.mutable.set(coin.id, coin);
  loaded.gasCoins.push(coin);
}

function checkGas({ gasData }: TransactionData, coins: ChainObject[]): void {
  const price = BigInt(gasData.price);
  const budget = BigInt(gasData.budget);
  if (price < GAS.referencePrice)
    throw invalid(`Gas price ${price} under reference gas price (RGP) ${GAS.referencePrice}`);
  if (price >= GAS.maxPrice) throw invalid(`Gas price cannot exceed ${GAS.maxPrice - 1n} mist`);
  if (budget > GAS.maxBudget) throw invalid(`Gas budget ${budget} is higher than max: ${GAS.maxBudget}`);
  const least = price * BigInt(GAS.minUnits);
  if (budget < least) throw invalid(`Gas budget ${budget} is lower than min: ${least}`);
  if (coins.length === 0) throw unsupported('Gas from an address balance (an empty gas payment)');
  if (coins.length > LIMITS.gasCoins) throw invalid(`more than ${LIMITS.gasCoins} gas coins`);
  const balance = coins.reduce((sum, coin) => sum + balanceOf(coin), 0n);
  if (balance < budget)
    throw invalid(`Balance of gas object ${balance} is lower than the needed amount: ${budget}`);
}

/** @returns the balance of a coin object */
export function balanceOf(coin: ChainObject): bigint {
  if (coin.data.kind !== 'move') throw new TypeError(`Cannot read balance of ${coin.id}: a package`);
  return coinBalance(coin.data.contents);
}

function existing(source: ObjectSource, id: Address): ChainObject {
  const object = source.object(id);
  if (object !== undefined && object.data.kind === 'move') return object;
  if (object !== undefined) throw invalid(`Package ${id} used as an object`);
  const last = source.lastVersion(id);
  throw invalid(
    last === undefined
      ? `Could not find the referenced object ${id} at version None`
      : `Object ${id} was deleted or wrapped after version ${last}`,
  );
}

function existingPackage(source: ObjectSource, id: Address): ChainObject {
  const object = source.object(id);
  if (object === undefined) throw invalid(`Dependent package not found on-chain: ${id}`);
  if (object.data.kind === 'move') throw invalid(`Move object ${id} used as a package`);
  return object;
}

function atReference(source: ObjectSource, ref: ObjectRef): ChainObject {
  const object = existing(source, ref.objectId);
  if (object.version !== BigInt(ref.version)) {
    // Sui's own words, which clients match on.
    throw new DevnetError(
      'FAILED_PRECONDITION',
      `Transaction needs to be rebuilt because object ${ref.objectId} version ${ref.version} is unavailable for consumption, current version: ${object.version}`,
    );
  }
  const { digest } = encodeObject(object);
  if (digest !== ref.digest)
    throw invalid(`Invalid object digest for ${ref.objectId}: expected ${digest}, actual ${ref.digest}`);
  return object;
}

function admit(object: ChainObject, loaded: LoadedInputs): void {
  if (loaded.all.has(object.id))
    throw invalid(`Mutable object ${object.id} cannot appear more than once in one transaction`);
  loaded.all.set(object.id, object);
}

function objectSlot(object: ChainObject, mutable: boolean): Slot {
  if (object.data.kind !== 'move') throw new TypeError(`Cannot pass ${object.id}: a package`);
  const { type, contents, hasPublicTransfer } = object.data;
  return {
    type,
    abilities: { copy: false, drop: false, store: hasPublicTransfer, key: true },
    bcs: contents,
    input: { id: object.id, owner: object.owner, mutable },
  };
}
