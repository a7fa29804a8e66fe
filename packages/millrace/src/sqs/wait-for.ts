/**
 * Owns waiting for work that is shared: each waiter has its own signal and deadline. It never stops the
 * work itself.
 */
import type { Clock } from "../clock.ts";

/** Bounds of one wait. */
export interface WaitBounds {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onTimeout: () => Error;
}

/**
 * Settles as `work` does, unless the signal or the deadline comes first.
 *
 * @throws the signal's reason after an abort, the error of `onTimeout` after the deadline.
 */
export function waitFor<T>(work: Promise<T>, bounds: WaitBounds): Promise<T> {
  const { clock, timeoutMs, signal, onTimeout } = bounds;
  return new Promise((resolve, reject) => {
    const end = (): void => {
      timer.cancel();
      signal?.removeEventListener("abort", onAbort);
    };
    const onAbort = (): void => {
      end();
      reject(signal?.reason);
    };
    const timer = clock.setTimer(() => {
      end();
      reject(onTimeout());
    }, timeoutMs);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });
    work.finally(end).then(resolve, reject);
  });
}
