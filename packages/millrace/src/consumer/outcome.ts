/**
 * Owns the outcomes: what is to become of a delivery, as values that a handler returns. It never
 * carries one out; the settler does.
 */
import { describe, OptionError } from "../errors.ts";
import { checkOptionNames } from "../option-checks.ts";
import { maxVisibilitySeconds } from "../sqs/limits.ts";

/** The work is done: the message is deleted. */
export interface Acknowledge {
  readonly type: "acknowledge";
}

/** The message is to come again: it is made visible after `afterSeconds`. */
export interface Retry {
  readonly type: "retry";
  /** A whole number from 0 to 43,200; undefined leaves it to the consumer's retry policy. */
  readonly afterSeconds: number | undefined;
  /** For people; part of the `retried` event. */
  readonly reason: string | undefined;
}

/** The message is given back unhandled: it is no failure. */
export interface Release {
  readonly type: "release";
  /** 0, for at once, but for those that wait with another of their lane. */
  readonly afterSeconds: number;
  /** Why the consumer gives it back; undefined when its handler did. For people; part of the `released` event. */
  readonly reason: string | undefined;
}

/** The message will never succeed: its copy goes to the dead-letter queue, then it is deleted. */
export interface DeadLetter {
  readonly type: "deadLetter";
  /** For people; travels with the copy as an attribute. */
  readonly reason: string | undefined;
}

/** What is to become of a delivery. */
export type Outcome = Acknowledge | Retry | Release | DeadLetter;

// In the registry of symbols, so that an outcome made by another copy of the library is one too.
const brand = Symbol.for("millrace.outcome");

const knownOfRetry: ReadonlySet<string> = new Set(["afterSeconds", "reason"]);
const knownOfDeadLetter: ReadonlySet<string> = new Set(["reason"]);

export const acknowledge: Acknowledge = outcome({ type: "acknowledge" });

/**
 * Return it from a handler to have the message come again, without that being an error.
 *
 * @param options `afterSeconds`: 0 to 43,200, fractions are rounded up, and less when that would keep
 * the message in flight for longer than the 12 hours since its receive that SQS allows; left out, the
 * consumer's retry policy decides.
 * @throws OptionError when afterSeconds is anything else, or there is another option.
 */
export function retry(
  options: { afterSeconds?: number | undefined; reason?: string | undefined } = {},
): Retry {
  checkOptionNames(options, knownOfRetry);
  const { afterSeconds, reason } = options;
  if (
    afterSeconds !== undefined &&
    !(Number.isFinite(afterSeconds) && afterSeconds >= 0 && afterSeconds <= maxVisibilitySeconds)
  ) {
    throw new OptionError("afterSeconds", `0 to ${maxVisibilitySeconds}`, afterSeconds);
  }
  const wholeSeconds = afterSeconds === undefined ? undefined : Math.ceil(afterSeconds);
  return outcome({ type: "retry", afterSeconds: wholeSeconds, reason: text(reason) });
}

/**
 * Return it from a handler to give the message back for someone else to take at once. It counts as a
 * receive; a handler that always releases keeps the message going round as fast as SQS hands it out.
 */
export function release(): Release {
  return giveBack(undefined);
}

/** Why a stop gives back what no handler has started. */
export const stopping = "the consumer stops";

/** Why what stands behind one that failed goes back. */
export const behindFailure = "one before it in its lane did not succeed";

/** A release by the consumer itself. */
export function giveBack(reason: string | undefined, afterSeconds = 0): Release {
  return outcome({ type: "release", afterSeconds, reason });
}

/**
 * Return it from a handler when the message can never succeed. On a queue without a dead-letter queue
 * it becomes a failure with NoDeadLetterQueueError, which is retried.
 *
 * @throws OptionError when there is another option than `reason`.
 */
export function deadLetter(options: { reason?: string | undefined } = {}): DeadLetter {
  checkOptionNames(options, knownOfDeadLetter);
  return outcome({ type: "deadLetter", reason: text(options.reason) });
}

/** A reason as text: those who write JavaScript pass the error itself. */
function text(reason: unknown): string | undefined {
  if (reason === undefined || typeof reason === "string") return reason;
  return reason instanceof Error ? reason.message : describe(reason);
}

/** Whether a handler returned an outcome. Anything else that it returns acknowledges. */
export function isOutcome(value: unknown): value is Outcome {
  try {
    return typeof value === "object" && value !== null && brand in value;
  } catch {
    // A proxy that objects to being asked is not ours.
    return false;
  }
}

/** An outcome whose mark was lost on its way from another thread: symbols are not copied. */
export function restoreOutcome(fields: Outcome): Outcome {
  return outcome({ ...fields });
}

function outcome<T extends Outcome>(value: T): T {
  return Object.freeze(Object.defineProperty(value, brand, { value: true }));
}
