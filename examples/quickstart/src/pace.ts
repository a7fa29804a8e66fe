/**
 * Owns the pace of sending: which numbers are due when. It never sends.
 */
import { sleep, systemClock } from "millrace";
import type { Clock } from "millrace";

export interface PaceOptions {
  /** Numbers a second, above 0. */
  readonly rate: number;
  /** The last number. Default: there is none. */
  readonly count?: number | undefined;
  readonly signal: AbortSignal;
  readonly clock?: Clock | undefined;
}

/** Numbers that are due together. */
export interface Due {
  readonly first: number;
  readonly last: number;
}

/** What one request to SQS takes. */
const batchSize = 10;
/** What may be due at once after a delay: a pace that was not kept is made up for in steps of these. */
const maxDue = 200;
/** How long numbers may wait for others, so that they can share a request. */
const gatherMs = 50;

/**
 * The numbers from 1 on, as they become due: number n after (n − 1) / rate seconds. Slow paces yield them
 * one by one; fast ones up to ten together, at the time of the last, which takes one timer for ten.
 *
 * @throws the signal's reason.
 */
export async function* paced(options: PaceOptions): AsyncGenerator<Due, void, undefined> {
  const { rate, count = Infinity, signal, clock = systemClock } = options;
  const together = Math.min(Math.max(Math.floor((rate * gatherMs) / 1_000), 1), batchSize);
  const startedMs = clock.monotonicMs();
  const dueAfterMs = (n: number): number => ((n - 1) * 1_000) / rate;
  for (let first = 1; first <= count;) {
    const enough = Math.min(first + together - 1, count);
    const waitMs = startedMs + dueAfterMs(enough) - clock.monotonicMs();
    if (waitMs > 0) await sleep(clock, waitMs, signal);
    signal.throwIfAborted();
    const elapsedMs = clock.monotonicMs() - startedMs;
    const due = Math.min(Math.floor((elapsedMs * rate) / 1_000) + 1, count, first + maxDue - 1);
    // Whole batches; the numbers that would begin another wait until it is full.
    const last = Math.max(enough, due === count ? due : due - ((due - first + 1) % together));
    yield { first, last };
    first = last + 1;
  }
}
