/**
 * Owns when a failed message comes again: the policy's shape, the default one, and the bounds within
 * which SQS accepts an answer. It never waits itself; SQS does, as a visibility timeout.
 */
import { OptionError } from "../errors.ts";
import { checkOptionNames, requireFunction } from "../option-checks.ts";
import type { Random } from "../random.ts";
import { systemRandom } from "../random.ts";
import { maxVisibilitySeconds } from "../sqs/limits.ts";
import type { Message } from "./message.ts";

/** What a retry policy is told. */
export interface Failure {
  readonly message: Message<unknown>;
  /** What the handler threw, as an Error; undefined when it returned `retry()`. */
  readonly error: Error | undefined;
}

/**
 * Says after how many seconds a failed message is to come again. SQS takes whole seconds from 0 to
 * 43,200: fractions are rounded up, what lies beyond is cut off. A policy that throws, or answers no
 * number, costs nothing: the default policy answers in its place and the fault is logged.
 */
export type RetryPolicy = (failure: Failure) => number;

/** Options of {@link exponentialBackoff}. */
export interface ExponentialBackoffOptions {
  /** Ceiling of the first delay, in seconds, above 0. Default 1. */
  readonly baseSeconds?: number | undefined;
  /** Ceiling of every delay, in seconds, baseSeconds to 43,200. Default 900. */
  readonly maxSeconds?: number | undefined;
  /** Default: the runtime's. */
  readonly random?: Random | undefined;
}

const known: ReadonlySet<string> = new Set<keyof ExponentialBackoffOptions>([
  "baseSeconds",
  "maxSeconds",
  "random",
]);

/**
 * Exponential backoff with full jitter over the message's receive count: after the nth receive a delay
 * drawn from 1 second up to `baseSeconds × 2^(n − 1)`, capped at `maxSeconds`. Never 0: a message that
 * always fails would come back hundreds of times a second.
 *
 * @throws OptionError when the numbers make no sense.
 */
export function exponentialBackoff(options: ExponentialBackoffOptions = {}): RetryPolicy {
  checkOptionNames(options, known);
  const { baseSeconds = 1, maxSeconds = 900, random = systemRandom } = options;
  if (!(Number.isFinite(baseSeconds) && baseSeconds > 0)) {
    throw new OptionError("baseSeconds", "a number above 0", baseSeconds);
  }
  if (
    !(
      Number.isFinite(maxSeconds) &&
      maxSeconds >= baseSeconds &&
      maxSeconds <= maxVisibilitySeconds
    )
  ) {
    const expected = `a number from baseSeconds (${baseSeconds}) to ${maxVisibilitySeconds}`;
    throw new OptionError("maxSeconds", expected, maxSeconds);
  }
  requireFunction("random", random);
  return ({ message }) => {
    const doublings = Math.min(message.receiveCount - 1, 32);
    const ceiling = Math.min(maxSeconds, baseSeconds * 2 ** doublings);
    return Math.max(1, random() * ceiling);
  };
}

/**
 * What SQS is told for a delay: whole seconds, up to what is left of the 12 hours that a message may
 * be in flight. Beyond them ChangeMessageVisibility is refused, not cut (AWS API reference,
 * ChangeMessageVisibility).
 */
export function toVisibilitySeconds(seconds: number, remainingSeconds: number): number {
  return Math.min(Math.ceil(Math.max(0, seconds)), Math.max(0, Math.floor(remainingSeconds)));
}
