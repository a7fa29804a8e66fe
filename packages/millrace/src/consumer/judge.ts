/**
 * Owns the verdict: which outcome follows from how a handler's run ended. It never runs a handler, and
 * never settles.
 */
import { describe, onRejection, toError } from "../errors.ts";
import { maxVisibilitySeconds } from "../sqs/limits.ts";
import type { Delivery } from "./delivery.ts";
import {
  ConsumerStoppedError,
  HandlerTimeoutError,
  InvalidBodyError,
  NoDeadLetterQueueError,
} from "./errors.ts";
import type { HandlerEnd } from "./handler-call.ts";
import type { Logger } from "./logger.ts";
import { acknowledge, deadLetter, isOutcome, release, retry } from "./outcome.ts";
import type { Outcome } from "./outcome.ts";
import type { Failure, RetryPolicy } from "./retry-policy.ts";

const outcomeTypes: ReadonlySet<Outcome["type"]> = new Set([
  "acknowledge",
  "retry",
  "release",
  "deadLetter",
] as const);

/** What is to become of a delivery; `error` when the run counts as failed. */
export interface Verdict {
  readonly outcome: Outcome;
  readonly error: Error | undefined;
}

export interface JudgeParts {
  readonly policy: RetryPolicy;
  /** Answers where `policy` throws or answers nonsense. */
  readonly fallback: RetryPolicy;
  readonly hasDeadLetterQueue: boolean;
  readonly logger: Logger;
}

/**
 * | the run | the outcome |
 * |---|---|
 * | returned an outcome | that one |
 * | returned anything else | acknowledge |
 * | threw, or did not end after its timeout | retry, by the policy |
 * | its body does not fit | dead-letter where there is a queue for it, else retry |
 * | threw stop's reason, or an AbortError, after stop's deadline | release: being interrupted is no failure |
 * | did not end after stop's deadline | none: it may still be working, so its lease is left to run out |
 */
export class Judge {
  readonly #parts: JudgeParts;

  constructor(parts: JudgeParts) {
    this.#parts = parts;
  }

  /** Undefined when there is nothing to settle. */
  verdict(delivery: Delivery, end: HandlerEnd, bodyRefused: boolean): Verdict | undefined {
    if (delivery.state !== "running") return undefined;
    if (end.how === "returned") return this.#returned(delivery, end.value);
    const { abortReason } = delivery;
    if (abortReason instanceof ConsumerStoppedError) {
      if (end.how !== "threw") return undefined;
      if (isInterruption(end.thrown, abortReason)) return { outcome: release(), error: undefined };
    }
    if (abortReason instanceof HandlerTimeoutError) {
      // What it threw is most often the signal's reason come back; if not, it is why it failed late.
      const cause = end.how === "threw" && end.thrown !== abortReason ? end.thrown : undefined;
      const { timeoutMs } = abortReason;
      const error =
        cause === undefined ? abortReason : new HandlerTimeoutError(timeoutMs, { cause });
      return this.#failed(delivery, error);
    }
    // In a batch the reason may be another's, whose lease was lost.
    const error = toError(end.how === "threw" ? end.thrown : end.reason);
    if (bodyRefused && error instanceof InvalidBodyError && this.#parts.hasDeadLetterQueue) {
      return { outcome: deadLetter({ reason: error.message }), error };
    }
    return this.#failed(delivery, error);
  }

  #returned(delivery: Delivery, value: unknown): Verdict {
    // One of a type that we do not know was made by a later copy of the library: a value like any other.
    if (!isOutcome(value) || !outcomeTypes.has(value.type)) {
      return { outcome: acknowledge, error: undefined };
    }
    if (value.type === "deadLetter" && !this.#parts.hasDeadLetterQueue) {
      return this.#failed(delivery, new NoDeadLetterQueueError(delivery.message.queueUrl));
    }
    if (value.type === "retry" && !Number.isFinite(value.afterSeconds)) {
      const afterSeconds = this.#delay({ message: delivery.message, error: undefined });
      const { reason } = value;
      return {
        outcome: retry({ afterSeconds, reason }),
        error: undefined,
      };
    }
    return { outcome: value, error: undefined };
  }

  #failed(delivery: Delivery, error: Error): Verdict {
    const afterSeconds = this.#delay({ message: delivery.message, error });
    return { outcome: retry({ afterSeconds, reason: error.message }), error };
  }

  /** The policy's answer, within what SQS takes. */
  #delay(failure: Failure): number {
    const { policy, fallback, logger } = this.#parts;
    let seconds: unknown;
    try {
      seconds = policy(failure);
    } catch (thrown) {
      logger.error("the retry policy threw; the default one is used", { error: thrown });
      return fallback(failure);
    }
    if (typeof seconds !== "number" || Number.isNaN(seconds)) {
      onRejection(seconds, () => {}); // An async policy's own error changes nothing.
      logger.error(`the retry policy answered ${describe(seconds)}; the default one is used`);
      return fallback(failure);
    }
    return Math.min(Math.max(seconds, 0), maxVisibilitySeconds);
  }
}

/** Whether a handler threw because its signal aborted: the reason itself, or what was made of it. */
function isInterruption(thrown: unknown, reason: Error): boolean {
  if (thrown === reason) return true;
  const error = toError(thrown);
  return error.cause === reason || error.name === "AbortError";
}
