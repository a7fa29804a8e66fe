/**
 * Owns the asking of the user's limits before a poll. It never polls.
 */
import type { Clock } from "../clock.ts";
import { describe, toError } from "../errors.ts";

/**
 * Asked before each poll, the first included, how many more messages may be received now: 0 holds polling off, Infinity
 * sets no limit. What open polls ask for already is taken off by the consumer. It may answer with a promise. One that
 * throws or answers no number counts as 0, and so do all of them when they take longer than ten seconds together.
 */
export type Limit = () => number | Promise<number>;

const answerWithinMs = 10_000;

/** What the limits say together. */
export interface LimitAnswer {
  /** The least of the answers: a whole number from 0, or Infinity. */
  readonly allowed: number;
  /** Of a limit that failed; nothing is allowed then. */
  readonly fault: Error | undefined;
}

/** Asks one limit after the other. Never rejects; an abort ends it with nothing allowed. */
export function askLimits(
  limits: readonly Limit[],
  clock: Clock,
  signal: AbortSignal,
): Promise<LimitAnswer> {
  return new Promise((resolve) => {
    const end = (answer: LimitAnswer): void => {
      timer.cancel();
      signal.removeEventListener("abort", onAbort);
      resolve(answer);
    };
    const fail = (fault: Error): void => end({ allowed: 0, fault });
    const onAbort = (): void => end({ allowed: 0, fault: undefined });
    const timer = clock.setTimer(
      () => fail(new Error(`a limit gave no answer within ${answerWithinMs} ms`)),
      answerWithinMs,
    );
    signal.addEventListener("abort", onAbort, { once: true });
    leastOf(limits).then(
      (allowed) => end({ allowed, fault: undefined }),
      (thrown: unknown) => fail(toError(thrown)),
    );
  });
}

async function leastOf(limits: readonly Limit[]): Promise<number> {
  let least = Infinity;
  for (const limit of limits) {
    const answer: unknown = await limit();
    if (typeof answer !== "number" || Number.isNaN(answer)) {
      throw new TypeError(`a limit answered ${describe(answer)}, which is no number`);
    }
    least = Math.max(0, Math.min(least, Math.floor(answer)));
  }
  return least;
}
