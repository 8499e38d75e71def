import { setTimeout as sleep } from 'node:timers/promises';

const WAIT_MS = 50;

/** Something that must hold before the enclave acts or tells the chain. */
export interface Gate {
  /** Why nobody may act now; undefined when one may. */
  readonly reason: string | undefined;
  /** @throws {EnclaveError} while nobody may act */
  readonly assert: () => void;
}

/** A gate that is waited at. */
export interface WaitingGate extends Gate {
  /** Resolves when one may act, or when `signal` fires. */
  readonly wait: (signal?: AbortSignal) => Promise<void>;
}

/** Several gates as one: open when all of them are, at the same time. */
export function allOf(...gates: readonly Gate[]): WaitingGate {
  const closed = () => gates.find(({ reason }) => reason !== undefined);
  return {
    get reason() {
      return closed()?.reason;
    },
    assert: () => closed()?.assert(),
    wait: async (signal) => {
      while (closed() && !signal?.aborted) await sleep(WAIT_MS);
    },
  };
}
