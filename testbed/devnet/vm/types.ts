import type { GasMeter } from './gas/meter.ts';
import type { Json } from './json.ts';
/**
 * The interface between the Move VM and the node around it.
 *
 * ```text
 *  node (commands, object store, effects)             vm
 *  new LinkedVm(packages)                  packages in all their versions
 *  createSession(options)                  one transaction: ids, gas, children, outputs
 *  vm.signature(...)  ── how to pass what ──►
 *  vm.call(session, call) ── BCS in ─────►  runs bytecode ── BCS out ──► returns, mutated
 *  session.finish()                        created and deleted ids, writes, events
 * ```
 *
 * Values cross this line only as BCS. Objects are passed as their BCS contents whether the parameter is `T`, `&T`
 * or `&mut T`; the contents after a `&mut T` come back in {@link CallResult.mutated}. Input objects that a call
 * consumed show up in {@link SessionOutputs} as a write (transferred), a deleted id, or not at all (wrapped).
 */

/** `0x` and 64 lowercase hexadecimal digits. */
export type Address = string;

/** Canonical type name: `u64`, `vector<u8>`, `0x<64 hex>::module::Name<T, U>` (one space after a comma). */
export type TypeName = string;

/** A module by its runtime id (that of its package's first version), or by its storage id where one version is meant. */
export interface ModuleId {
  address: Address;
  name: string;
}

/** Where a `Vm` finds bytecode: one version of each package, by runtime id. Answers must not change once given. */
export interface ModuleSource {
  /** @returns the module's bytecode, or undefined if no such module exists. */
  module(id: ModuleId): Uint8Array | undefined;
  /** @returns the package version that first had the type, which names it for ever; without this, the module's own id */
  definingId?(module: ModuleId, type: string): Address;
  /** @returns the runtime id of a module that a type is named by, undefined if it has no such type; without this, the same */
  runtimeId?(module: ModuleId, type: string): ModuleId | undefined;
}

/** One version of a package, as linking sees it. */
export interface PackageCode {
  /** Storage id. */
  id: Address;
  version: bigint;
  /** Id of the first version, which is every version's runtime id. */
  originalId: Address;
  modules: ReadonlyMap<string, Uint8Array>;
  /** Defining ids by `module::Type`. */
  origins: ReadonlyMap<string, Address>;
  /** The package versions that it was published with, by original id. */
  linkage: ReadonlyMap<Address, { id: Address; version: bigint }>;
}

/** Where a `LinkedVm` finds packages, by storage id. Answers must not change once given. */
export interface PackageSource {
  package(id: Address): PackageCode | undefined;
}

/** Who an object belongs to; names as in Sui's `Owner`. */
export type Owner =
  | { kind: 'address'; address: Address }
  | { kind: 'object'; parent: Address }
  | { kind: 'shared' }
  | { kind: 'immutable' };

/** A value with its type. */
export interface TypedBytes {
  type: TypeName;
  bcs: Uint8Array;
}

/** An event, with the module of the function that the transaction called. */
export interface EmittedEvent extends TypedBytes {
  module: ModuleId;
}

export interface Abilities {
  copy: boolean;
  drop: boolean;
  store: boolean;
  key: boolean;
}

/** One parameter as the node must pass it. `TxContext` parameters are not listed: the VM supplies them. */
export interface Parameter {
  /** The type without its reference. */
  type: TypeName;
  passing: 'value' | 'reference' | 'mutable';
  abilities: Abilities;
}

/** A function with its type parameters filled in. */
export interface FunctionSignature {
  visibility: 'private' | 'friend' | 'public';
  isEntry: boolean;
  parameters: Parameter[];
  /** Return types; a reference keeps its `&` or `&mut ` prefix, so that the node can refuse it. */
  returns: { type: TypeName; abilities: Abilities }[];
  /** What Sui charges for before the call: types in the signature and its type arguments, references, packages linked. */
  weight: { types: number; references: number; packages: number };
}

/** What to run. Arguments stand in the order of {@link FunctionSignature.parameters}. */
export interface Call {
  module: ModuleId;
  function: string;
  typeArguments: TypeName[];
  arguments: Uint8Array[];
}

export interface CallResult {
  returns: TypedBytes[];
  /** Contents of each `&mut` parameter after the call. */
  mutated: { argument: number; bcs: Uint8Array }[];
}

/** The parts of the node that a running transaction reads. */
export interface ObjectReader {
  /** The child object `id` owned by object `parent` (a dynamic field), or undefined if there is none. */
  child(parent: Address, id: Address): TypedBytes | undefined;
  /** The object `id` at `version` owned by the *address* `parent`, for `transfer::receive`; undefined if there is none. */
  receivable(parent: Address, id: Address, version: bigint): TypedBytes | undefined;
  /** The owner of an input object at the start of the transaction; undefined if `id` is no input. */
  inputOwner(id: Address): Owner | undefined;
}

/** A verified Nitro attestation document, as `sui::nitro_attestation` exposes it. */
export interface NitroDocument {
  moduleId: string;
  /** Milliseconds. */
  timestamp: bigint;
  digest: string;
  pcrs: { index: number; value: Uint8Array }[];
  publicKey?: Uint8Array;
  userData?: Uint8Array;
  nonce?: Uint8Array;
}

/**
 * The verdict on one document at the clock's time. Verification is asynchronous and the VM is not, so the node verifies
 * documents before execution (they are pure inputs) and answers from a map here.
 * A failure names the reason: `parse`, `verify` (signature, chain, validity) or `pcrs`; it aborts with Sui's code for it.
 */
export type NitroVerifier = (
  document: Uint8Array,
  nowMs: bigint,
) => NitroDocument | 'parse' | 'verify' | 'pcrs';

/** What is fixed for the length of one transaction. */
export interface SessionOptions {
  sender: Address;
  /** The gas owner when it is not the sender. */
  sponsor?: Address;
  /** 32 bytes; object ids derive from it. */
  transactionDigest: Uint8Array;
  epoch: bigint;
  epochTimestampMs: bigint;
  gasPrice: bigint;
  referenceGasPrice: bigint;
  /** In MIST, as `TxContext` reports it. */
  gasBudget: bigint;
  /** Computation units this transaction may use; beyond it, `InsufficientGas`. */
  gasLimit: number;
  objects: ObjectReader;
  nitro: NitroVerifier;
}

/** An object to store. Its id is the first 32 bytes of `bcs`. */
export interface ObjectWrite extends TypedBytes {
  id: Address;
  owner: Owner;
}

/** Everything that a transaction did besides changing its `&mut` arguments. */
export interface SessionOutputs {
  /** Ids made in this transaction and still alive: a write with one of them is a creation, the others are wrapped. */
  created: ReadonlySet<Address>;
  /** Ids of older objects deleted in this transaction. */
  deleted: ReadonlySet<Address>;
  /** Objects transferred, shared or frozen, and child objects added or changed; each id once, with its last state. */
  writes: ObjectWrite[];
  /** Older child objects taken out of their parent by this transaction, whether they reappear in `writes` or not. */
  removedChildren: ReadonlySet<Address>;
  /** Older child objects that were read, for loaded-object bookkeeping. */
  loadedChildren: ReadonlySet<Address>;
  /** Older objects taken by `transfer::receive`. */
  received: ReadonlySet<Address>;
  /** In order of emission. */
  events: EmittedEvent[];
}

/** One transaction in progress. Commands the node runs itself (coins, transfers) go through the same session. */
export interface Session {
  readonly options: SessionOptions;
  readonly meter: GasMeter;
  /** Derives the next object id and records it as created. */
  newId(): Address;
  /** Records that the object's UID is gone. */
  deleteId(id: Address): void;
  /** Gives an object to `owner`. @throws {VmError} when sharing or freezing breaks an ownership rule */
  transfer(object: TypedBytes, owner: Owner): void;
  finish(): SessionOutputs;
}

/** A module as publishing sees it. */
export interface ModuleSummary {
  id: ModuleId;
  /** Runtime id of every package that the module links to, its own left out. */
  dependencies: Address[];
  hasInit: boolean;
}

/** The VM over one {@link PackageSource}, modules named by storage id; safe to keep for the life of the node. */
export interface MoveVm {
  /** Resolves a function. @throws {VmError} `FunctionNotFound`, `TypeArgumentError`, `TypeNotFound` … */
  signature(module: ModuleId, name: string, typeArguments: TypeName[]): FunctionSignature;
  /** The abilities of a type. @throws {VmError} `TypeNotFound` */
  abilities(type: TypeName): Abilities;
  /** The type's one name: with defining ids, whatever versions it was named by. @throws {VmError} `TypeNotFound` */
  typeName(type: TypeName): TypeName;
  /** A value as Sui's RPC renders it. @throws {VmError} `TypeNotFound`, `InvalidArgument` for bytes of another type */
  json(type: TypeName, bcs: Uint8Array): Json;
  /**
   * Checks the bytes of a pure input.
   *
   * @returns what the value weighs for gas
   * @throws {VmError} `InvalidPureArgument` for another type or other bytes
   */
  checkPure(type: TypeName, bcs: Uint8Array): number;
  /** Runs a function whatever its visibility: the caller checks {@link FunctionSignature}. @throws {VmError} */
  call(session: Session, call: Call): CallResult;
  /** Runs the module's `init` if it has one, with a one-time witness if it asks for one. @throws {VmError} */
  init(session: Session, module: ModuleId): void;
  /** What a value weighs for gas. @throws {VmError} `TypeNotFound`, `InvalidArgument` for bytes of another type */
  abstractSize(type: TypeName, bcs: Uint8Array): number;
  /**
   * Checks that the modules of one package parse, link with exactly these versions and may be published.
   *
   * @param dependencies - storage ids
   * @throws {VmError} `PublishError` by Move's rules, `SuiMoveVerificationError` by Sui's, `InvalidLinkage`
   */
  checkPackage(modules: Uint8Array[], dependencies: Address[]): void;
}

/** Where execution stopped; `function` and `instruction` are indexes as in Sui's `MoveLocation`. */
export interface MoveLocation {
  module: ModuleId;
  function: number;
  instruction: number;
  functionName: string;
}

/** Why execution stopped. The names are those of Sui's `ExecutionFailureStatus` where it has one. */
export type VmErrorCode =
  | 'MoveAbort'
  | 'MovePrimitiveRuntimeError'
  | 'InsufficientGas'
  | 'FunctionNotFound'
  | 'TypeNotFound'
  | 'TypeArgumentError'
  | 'ArityMismatch'
  | 'InvalidArgument'
  | 'InvalidPureArgument'
  | 'PublishError'
  | 'SuiMoveVerificationError'
  | 'InvalidLinkage'
  | 'UnsupportedNative'
  | 'InvariantViolation';

/** The cause of a `MovePrimitiveRuntimeError`, named as Move's status codes. */
export type PrimitiveStatus =
  | 'ARITHMETIC_ERROR'
  | 'VECTOR_OPERATION_ERROR'
  | 'VARIANT_TAG_MISMATCH'
  | 'CALL_STACK_OVERFLOW'
  | 'MEMORY_LIMIT_EXCEEDED';

export interface VmErrorDetails {
  location?: MoveLocation;
  /** Of a `MoveAbort`. */
  abortCode?: bigint;
  /** Of a `MovePrimitiveRuntimeError`. */
  status?: PrimitiveStatus;
  /** Index of the offending argument or type argument. */
  index?: number;
  cause?: unknown;
}

/** Every failure of the VM; anything else thrown is a defect of the VM itself. */
export class VmError extends Error {
  readonly code: VmErrorCode;
  readonly location: MoveLocation | undefined;
  readonly abortCode: bigint | undefined;
  readonly status: PrimitiveStatus | undefined;
  readonly index: number | undefined;

  constructor(code: VmErrorCode, message: string, details: VmErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.name = 'VmError';
    this.code = code;
    this.location = details.location;
    this.abortCode = details.abortCode;
    this.status = details.status;
    this.index = details.index;
  }
}
