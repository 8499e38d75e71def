import { setTimeout as sleep } from 'node:timers/promises';

/** Flags and length before each message of gRPC-web, as of gRPC (its PROTOCOL-HTTP2, "Length-Prefixed-Message"). */
const PREFIX_BYTES = 5;

/** What a stream without end may bring. */
export interface StreamLimits {
  /** The longest message. */
  readonly messageBytes: number;
  /** How much may come in one go; beyond it the sender has to wait. */
  readonly burstBytes: number;
  readonly bytesPerSecond: number;
}

/**
 * Passes a gRPC-web stream (binary form) on, and breaks it at a message that is announced to be too long, before it is
 * kept. What comes faster than it may is read later, so that the sender waits and not our memory.
 */
export function limitMessages(limits: StreamLimits): TransformStream<Uint8Array, Uint8Array> {
  const prefix = new Uint8Array(PREFIX_BYTES);
  let [known, left, budget, paidAt] = [0, 0, limits.burstBytes, performance.now()];

  const follow = (chunk: Uint8Array) => {
    for (let at = 0; at < chunk.length; ) {
      const skipped = Math.min(left, chunk.length - at);
      left -= skipped;
      at += skipped;
      if (left > 0 || at === chunk.length) return;
      prefix[known++] = chunk[at++]!;
      if (known < PREFIX_BYTES) continue;
      known = 0;
      left = new DataView(prefix.buffer).getUint32(1);
      if (left > limits.messageBytes)
        throw new Error(`a message of ${left} bytes is announced, more than ${limits.messageBytes}`);
    }
  };
  const pay = (bytes: number): number => {
    const now = performance.now();
    const earned = ((now - paidAt) * limits.bytesPerSecond) / 1_000;
    paidAt = now;
    budget = Math.min(budget + earned, limits.burstBytes) - bytes;
    return budget < 0 ? (-budget * 1_000) / limits.bytesPerSecond : 0;
  };
  return new TransformStream({
    async transform(chunk, controller) {
      follow(chunk);
      const waitMs = pay(chunk.length);
      if (waitMs > 0) await sleep(waitMs);
      controller.enqueue(chunk);
    },
  });
}
