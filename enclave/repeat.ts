/**
 * Does something every `ms`, one run at a time, until it is stopped or nothing else keeps the process alive. A run that
 * fails, or has not ended when the next one is due, is told to `onTrouble`; the next one comes all the same.
 *
 * @returns stops it
 */
export function repeat(
  work: () => Promise<void>,
  ms: number,
  onTrouble: (problem: Error) => void,
): () => void {
  let since: number | undefined;
  const timer = setInterval(() => {
    if (since !== undefined) {
      onTrouble(new Error(`it has not ended for ${Math.round((performance.now() - since) / 1_000)} s`));
      return;
    }
    since = performance.now();
    Promise.resolve()
      .then(work)
      .catch(onTrouble)
      .finally(() => {
        since = undefined;
      });
  }, ms);
  timer.unref();
  return () => clearInterval(timer);
}
