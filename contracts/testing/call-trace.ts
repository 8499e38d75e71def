import type { CompiledTests } from '@daasvader/move/test.ts';
import { Machine } from '@daasvader/testbed/devnet/vm/machine.ts';
import { testSession, vmOf } from '@daasvader/testbed/devnet/vm/testing/outcomes.ts';
import { VmError } from '@daasvader/testbed/devnet/vm/types.ts';

/** `module::function`. */
export type FunctionName = string;

/** What one Move test did. */
export interface TestTrace {
  test: FunctionName;
  /** Every function that was called. */
  called: Set<FunctionName>;
  /** Every function that came to its end. */
  completed: Set<FunctionName>;
  /** The abort it ended in, with the functions in progress, the innermost first. */
  abort: { module: string; code: bigint; within: FunctionName[] } | undefined;
}

const ZERO = `0x${'0'.repeat(64)}`;

/**
 * Runs Move tests on the devnet's VM and notes which functions each called, which came to their end, and in which
 * one an abort happened.
 *
 * @throws VmError when a test ends in anything but an abort
 */
export function traceTests({ modules, tests }: CompiledTests): TestTrace[] {
  const vm = vmOf(modules);
  return tests.map(({ module, name }) => {
    const trace: TestTrace = {
      test: `${module}::${name}`,
      called: new Set(),
      completed: new Set(),
      abort: undefined,
    };
    watched(trace, () =>
      vm.call(testSession(), {
        module: { address: ZERO, name: module },
        function: name,
        typeArguments: [],
        arguments: [],
      }),
    );
    return trace;
  });
}

/** Runs `work` while the machine reports each call to `trace`. */
function watched(trace: TestTrace, work: () => void): void {
  const { call, leave, run } = Machine.prototype;
  let machine: Machine | undefined;
  Machine.prototype.run = function (fn, ...rest) {
    machine = this;
    return run.call(this, fn, ...rest);
  };
  Machine.prototype.call = function (fn, types) {
    trace.called.add(nameOf(fn));
    call.call(this, fn, types);
  };
  Machine.prototype.leave = function () {
    trace.completed.add(nameOf(this.frame.fn));
    leave.call(this);
  };
  try {
    work();
  } catch (error) {
    if (!(error instanceof VmError) || error.abortCode === undefined) throw error;
    const within = framesOf(machine!);
    trace.abort = { module: error.location!.module.name, code: error.abortCode, within };
  } finally {
    Object.assign(Machine.prototype, { call, leave, run });
  }
}

function framesOf(machine: Machine): FunctionName[] {
  const names: FunctionName[] = [];
  for (let frame: Machine['frame'] | undefined = machine.frame; frame; frame = frame.caller)
    names.push(nameOf(frame.fn));
  return names;
}

function nameOf({ module, name }: Machine['frame']['fn']): FunctionName {
  return `${module.id.name}::${name}`;
}
