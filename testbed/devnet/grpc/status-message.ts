import { toBase58 } from '@mysten/bcs';
import type { bcs } from '@mysten/sui/bcs';
import { GrpcTypes } from '@mysten/sui/grpc';

type EffectsV2 = NonNullable<(typeof bcs.TransactionEffects.$inferType)['V2']>;
type Failure = Extract<EffectsV2['status'], { $kind: 'Failure' }>['Failure']['error'];
type Details = GrpcTypes.ExecutionError['errorDetails'];

const { ExecutionError_ExecutionErrorKind: Kind } = GrpcTypes;
const { CommandArgumentError_CommandArgumentErrorKind: ArgumentKind } = GrpcTypes;
const { TypeArgumentError_TypeArgumentErrorKind: TypeKind } = GrpcTypes;
const { PackageUpgradeError_PackageUpgradeErrorKind: UpgradeKind } = GrpcTypes;

/** Names that differ between Sui's Rust enums and its protocol buffers. */
const RENAMED: Record<string, string> = {
  INVALID_USAGE_OF_PURE_ARG: 'INVALID_USAGE_OF_PURE_ARGUMENT',
  INVALID_BCSBYTES: 'INVALID_BCS_BYTES',
  SHARED_OBJECT_OPERATION_NOT_ALLOWED: 'CONSENSUS_OBJECT_OPERATION_NOT_ALLOWED',
  VMVERIFICATION_OR_DESERIALIZATION_ERROR: 'VM_VERIFICATION_OR_DESERIALIZATION_ERROR',
  PACKAGE_IDDOES_NOT_MATCH: 'PACKAGE_ID_DOES_NOT_MATCH',
  VMINVARIANT_VIOLATION: 'VM_INVARIANT_VIOLATION',
};

/** @returns the status of effects as `sui.rpc.v2.ExecutionStatus` */
export function statusMessage(status: EffectsV2['status']): GrpcTypes.ExecutionStatus {
  if (status.$kind === 'Success') return { success: true };
  const { error, command } = status.Failure;
  const errorDetails = detailsOf(error);
  const message: GrpcTypes.ExecutionError = {
    description: describe(error, command),
    kind: enumValue(Kind, error.$kind),
    errorDetails,
  };
  if (command !== null) message.command = BigInt(command);
  return { success: false, error: message };
}

function describe(error: Failure, command: string | null): string {
  const place = command === null ? '' : ` in command ${command}`;
  if (error.$kind === 'MoveAbort') {
    const [{ module, functionName }, code] = error.MoveAbort;
    return `MoveAbort(${module.address}::${module.name}::${functionName}, ${code})${place}`;
  }
  if (error.$kind === 'CommandArgumentError') {
    const { argIdx, kind } = error.CommandArgumentError;
    return `CommandArgumentError { arg_idx: ${argIdx}, kind: ${kind.$kind} }${place}`;
  }
  if (error.$kind === 'PackageUpgradeError')
    return `PackageUpgradeError { upgrade_error: ${error.PackageUpgradeError.upgradeError.$kind} }${place}`;
  return `${error.$kind}${place}`;
}

function detailsOf(error: Failure): Details {
  switch (error.$kind) {
    case 'MoveAbort': {
      const [location, code] = error.MoveAbort;
      return {
        oneofKind: 'abort',
        abort: { abortCode: BigInt(code), location: locationMessage(location), ...cleverError(BigInt(code)) },
      };
    }
    case 'MovePrimitiveRuntimeError': {
      const location = error.MovePrimitiveRuntimeError;
      if (location === null) return { oneofKind: undefined };
      return { oneofKind: 'abort', abort: { location: locationMessage(location) } };
    }
    case 'CommandArgumentError': {
      const { argIdx, kind } = error.CommandArgumentError;
      return {
        oneofKind: 'commandArgumentError',
        commandArgumentError: { argument: argIdx, kind: enumValue(ArgumentKind, kind.$kind) },
      };
    }
    case 'TypeArgumentError': {
      const { argumentIdx, kind } = error.TypeArgumentError;
      return {
        oneofKind: 'typeArgumentError',
        typeArgumentError: { typeArgument: argumentIdx, kind: enumValue(TypeKind, kind.$kind) },
      };
    }
    case 'PackageUpgradeError':
      return {
        oneofKind: 'packageUpgradeError',
        packageUpgradeError: upgradeMessage(error.PackageUpgradeError),
      };
    case 'UnusedValueWithoutDrop': {
      const { resultIdx: index, secondaryIdx: subresult } = error.UnusedValueWithoutDrop;
      return { oneofKind: 'indexError', indexError: { index, subresult } };
    }
    default:
      return { oneofKind: undefined };
  }
}

type UpgradeFailure = Extract<Failure, { $kind: 'PackageUpgradeError' }>['PackageUpgradeError'];

function upgradeMessage({ upgradeError }: UpgradeFailure): GrpcTypes.PackageUpgradeError {
  const kind = enumValue(UpgradeKind, upgradeError.$kind);
  switch (upgradeError.$kind) {
    case 'UnableToFetchPackage':
      return { kind, packageId: upgradeError.UnableToFetchPackage.packageId };
    case 'NotAPackage':
      return { kind, packageId: upgradeError.NotAPackage.objectId };
    case 'DigestDoesNotMatch':
      return { kind, digest: toBase58(upgradeError.DigestDoesNotMatch.digest) };
    case 'UnknownUpgradePolicy':
      return { kind, policy: upgradeError.UnknownUpgradePolicy.policy };
    case 'PackageIDDoesNotMatch':
      return { kind, ...upgradeError.PackageIDDoesNotMatch };
    default:
      return { kind };
  }
}

type Location = Extract<Failure, { $kind: 'MoveAbort' }>['MoveAbort'][0];

function locationMessage(location: Location): GrpcTypes.MoveLocation {
  return {
    package: location.module.address,
    module: location.module.name,
    function: location.function,
    instruction: location.instruction,
    ...(location.functionName !== null && { functionName: location.functionName }),
  };
}

/** `#[error]` constants abort with a tag in the top bit, and the source line in bits 32 to 47. */
function cleverError(code: bigint): { cleverError?: GrpcTypes.CleverError } {
  if (code >> 63n === 0n) return {};
  return { cleverError: { lineNumber: (code >> 32n) & 0xffffn, value: { oneofKind: undefined } } };
}

function enumValue(type: Record<string, string | number>, name: string): number {
  const screaming = name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();
  return (type[RENAMED[screaming] ?? screaming] as number | undefined) ?? 0;
}
