/**
 * Owns time: the one file that touches the runtime's timers and clocks. It never decides how long
 * anything should take.
 */
import { performance } from "node:perf_hooks";
import { clearTimeout, setTimeout } from "node:timers";

/**
 * The time a part runs on. Production uses {@link systemClock}; tests and simulations use the
 * `VirtualClock` of "millrace/testing", where nothing happens until time is advanced.
 */
export interface Clock {
  /** Wall-clock time, in ms since the epoch. It can jump: use it for dates, never for durations. */
  now(): number;
  /** Time that only goes forward, in ms from an arbitrary start. Deadlines and leases are kept in it. */
  monotonicMs(): number;
  /**
   * Calls back once, after `delayMs` (clamped to 0 … 2³¹ − 1 ms, which is 24.8 days). The callback
   * must not throw.
   */
  setTimer(callback: () => void, delayMs: number): Timer;
}

/** A timer that was set; {@link Timer.cancel} after it fired, or a second time, does nothing. */
export interface Timer {
  cancel(): void;
}

/** The longest delay that Node's timers take; longer ones would fire at once. */
const maxTimerMs: number = 2 ** 31 - 1;

/** The machine's own clock. Its timers keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer: (callback, delayMs) => {
    const handle = setTimeout(callback, clampDelay(delayMs));
    return { cancel: () => clearTimeout(handle) };
  },
};

/** What {@link Clock.setTimer} makes of a delay. */
export function clampDelay(delayMs: number): number {
  return Math.min(Math.max(delayMs, 0), maxTimerMs);
}

/**
 * Resolves after `delayMs`.
 *
 * @throws the signal's reason, at once, when it aborts first.
 */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.setTimer(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, delayMs);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
