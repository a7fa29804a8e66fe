/**
 * Owns which failed attempts of a call are worth another, when, and the budget of them. It never waits and
 * never sends.
 */
import type { BackoffShape } from "../random.ts";
import type { SqsOperation } from "./api.ts";
import { SqsError, SqsServiceError, SqsTimeoutError } from "./errors.ts";

/** What another attempt costs and how long it is put off. */
export interface RetryPlan {
  /** Tokens of the {@link RetryBudget}. */
  readonly cost: number;
  readonly backoff: BackoffShape;
}

// The quotas of the AWS SDKs' standard retry mode as of 2026: a fault is dearer than a throttle, because
// retries of faults make an outage worse while throttles have their own, longer pause.
// docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
const capacity = 500;
const refundOfFirstSuccess = 1;
const afterFault: RetryPlan = { cost: 14, backoff: { baseMs: 50, maxMs: 20_000 } };
const afterThrottle: RetryPlan = { cost: 5, backoff: { baseMs: 1_000, maxMs: 20_000 } };

/** How to retry after this error, or undefined when another attempt would not help. */
export function planRetry(operation: SqsOperation, error: unknown): RetryPlan | undefined {
  if (!(error instanceof SqsError)) return undefined;
  // Too many messages in flight: that does not pass within a call.
  if (error instanceof SqsServiceError && error.errorName === "OverLimit") return undefined;
  if (operation === "ReceiveMessage") {
    // Who polls will poll again, and should hear first that nothing came: three deadlines of a long poll
    // in a row are longer than anyone can wait.
    if (error instanceof SqsTimeoutError) return undefined;
    // And after a throttle with another ReceiveRequestAttemptId: SQS refuses the one it has throttled.
    if (error.category === "throttled") return undefined;
  }
  if (error.category === "throttled") return afterThrottle;
  if (error.category !== "transient") return undefined;
  return afterFault;
}

/**
 * Bounds the retries of a client as a whole: a bucket of tokens that retries take from and successes give
 * back to. In an outage it runs dry, and calls then fail at the first attempt.
 */
export class RetryBudget {
  #tokens = capacity;

  /** Takes the cost of one retry; false when there is not enough left. */
  take(cost: number): boolean {
    if (this.#tokens < cost) return false;
    this.#tokens -= cost;
    return true;
  }

  /** Gives back after a success: what its last retry cost, or a little when it needed none. */
  give(cost: number): void {
    this.#tokens = Math.min(capacity, this.#tokens + (cost === 0 ? refundOfFirstSuccess : cost));
  }
}
