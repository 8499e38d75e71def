import type { bcs } from '@mysten/sui/bcs';
import { VmError } from '../vm/types.ts';

type Status = typeof bcs.TransactionEffects.$inferInput extends infer E
  ? E extends { V2: { status: infer S } }
    ? S
    : never
  : never;
/** `ExecutionFailureStatus` of Sui, as `@mysten/sui/bcs` takes it. */
export type FailureStatus = Extract<Status, { Failure: unknown }>['Failure'] extends { error: infer F }
  ? F
  : never;

type ArgumentErrorKind = Extract<
  FailureStatus,
  { CommandArgumentError: unknown }
>['CommandArgumentError']['kind'];

/** Why a transaction failed while it ran; its gas is still charged. */
export class ExecutionFailure extends Error {
  readonly status: FailureStatus;
  /** Index of the command, undefined when the transaction as a whole failed. */
  command: number | undefined;

  constructor(status: FailureStatus, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ExecutionFailure';
    this.status = status;
  }
}

/** A failure whose status carries nothing but its name. */
export function failure(
  name:
    | 'InsufficientGas'
    | 'InsufficientCoinBalance'
    | 'FunctionNotFound'
    | 'NonEntryFunctionInvoked'
    | 'InvalidTransferObject'
    | 'SharedObjectOperationNotAllowed'
    | 'PublishErrorNonZeroAddress'
    | 'PublishUpgradeMissingDependency'
    | 'PublishUpgradeDependencyDowngrade'
    | 'VMVerificationOrDeserializationError'
    | 'FeatureNotYetSupported'
    | 'ArityMismatch'
    | 'CoinBalanceOverflow',
  message: string = name,
): ExecutionFailure {
  return new ExecutionFailure({ [name]: true } as FailureStatus, message);
}

/** Something larger than Sui stores; sizes in bytes. */
export function tooBig(
  name: 'MoveObjectTooBig' | 'MovePackageTooBig',
  objectSize: number,
  maxObjectSize: number,
): ExecutionFailure {
  const status = { [name]: { objectSize, maxObjectSize } } as unknown as FailureStatus;
  return new ExecutionFailure(status, `${name}: ${objectSize} bytes, at most ${maxObjectSize} are allowed`);
}

/** The argument at `index` of a command cannot be used so. */
export function argumentFailure(index: number, kind: ArgumentErrorKind): ExecutionFailure {
  const name = Object.keys(kind as object)[0];
  return new ExecutionFailure(
    { CommandArgumentError: { argIdx: index, kind } },
    `Argument ${index}: ${name}`,
  );
}

/** @returns the failure with which Sui would report what the VM threw; defects of the VM are thrown on */
export function fromVmError(error: unknown): ExecutionFailure {
  if (error instanceof ExecutionFailure) return error;
  if (!(error instanceof VmError)) throw error;
  return new ExecutionFailure(vmStatus(error), error.message, { cause: error });
}

function vmStatus(error: VmError): FailureStatus {
  const index = error.index ?? 0;
  switch (error.code) {
    case 'MoveAbort':
      return { MoveAbort: [location(error), error.abortCode ?? 0n] };
    case 'MovePrimitiveRuntimeError':
      return { MovePrimitiveRuntimeError: error.location ? location(error) : null };
    case 'InvalidArgument':
      return { CommandArgumentError: { argIdx: index, kind: { TypeMismatch: true } } };
    case 'InvalidPureArgument':
      return { CommandArgumentError: { argIdx: index, kind: { InvalidBCSBytes: true } } };
    case 'TypeNotFound':
      return { TypeArgumentError: { argumentIdx: index, kind: { TypeNotFound: true } } };
    case 'TypeArgumentError':
      return { TypeArgumentError: { argumentIdx: index, kind: { ConstraintNotSatisfied: true } } };
    case 'PublishError':
      return { VMVerificationOrDeserializationError: true };
    case 'UnsupportedNative':
      return { FeatureNotYetSupported: true };
    case 'InvariantViolation':
      return { VMInvariantViolation: true };
    case 'ArityMismatch':
    case 'InvalidLinkage':
    case 'SuiMoveVerificationError':
    case 'FunctionNotFound':
    case 'InsufficientGas':
      return { [error.code]: true } as FailureStatus;
  }
}

function location(error: VmError) {
  const { module, function: index, instruction, functionName } = error.location!;
  return { module, function: index, instruction, functionName };
}
