/**
 * Owns the errors that a consumer hands to handlers, listeners and callers. It never decides what
 * follows from one.
 */
import { describe, MillraceError } from "../errors.ts";

/**
 * The lease on a delivery ended before it was settled: SQS may hand the message to someone else. As
 * the reason of a handler's signal it says: stop, your work is no longer wanted here.
 */
export class LeaseLostError extends MillraceError {
  readonly code = "LEASE_LOST";
  readonly messageId: string;

  constructor(messageId: string, why: string, options?: ErrorOptions) {
    super(`the lease on message ${messageId} is lost: ${why}`, options);
    this.messageId = messageId;
  }
}

/** A handler ran for longer than `handlerTimeoutMs`. */
export class HandlerTimeoutError extends MillraceError {
  readonly code = "HANDLER_TIMEOUT";
  readonly timeoutMs: number;

  constructor(timeoutMs: number, options?: ErrorOptions) {
    super(`the handler did not end within ${timeoutMs} ms`, options);
    this.timeoutMs = timeoutMs;
  }
}

/** The consumer was stopped, and what was under way had to end. */
export class ConsumerStoppedError extends MillraceError {
  readonly code = "CONSUMER_STOPPED";

  constructor(message = "the consumer was stopped") {
    super(message);
  }
}

/** A message's body is not JSON, or not what the schema wants. */
export class InvalidBodyError extends MillraceError {
  readonly code = "INVALID_BODY";
  /** What the schema found, as text: the first ten, cut to 200 characters; empty when the body is no JSON at all. */
  readonly issues: readonly string[];

  constructor(message: string, issues: readonly string[] = [], options?: ErrorOptions) {
    super(message, options);
    this.issues = issues;
  }
}

/** A schema took so long that the messages received after it could wait for it no longer. */
export class BodyTimeoutError extends MillraceError {
  readonly code = "BODY_TIMEOUT";
  readonly timeoutMs: number;

  constructor(timeoutMs: number) {
    super(`the schema gave no answer within ${timeoutMs} ms`);
    this.timeoutMs = timeoutMs;
  }
}

/** `orderBy` answered something that names no lane: neither a string, nor a number, nor undefined. */
export class OrderKeyError extends MillraceError {
  readonly code = "INVALID_ORDER_KEY";
  /** What it answered. */
  readonly received: unknown;

  constructor(received: unknown) {
    super(`orderBy must answer a string, a number or undefined; it answered ${describe(received)}`);
    this.received = received;
  }
}

/** A batch handler answered an array that does not say one outcome for each message. All of them are retried. */
export class BatchOutcomeError extends MillraceError {
  readonly code = "BATCH_OUTCOMES";

  constructor(answered: string, options?: ErrorOptions) {
    const expected = "one outcome, or undefined, a message";
    super(`handleBatch must answer ${expected}; it answered ${answered}`, options);
  }
}

/** A message was to be dead-lettered, and its queue has no dead-letter queue. */
export class NoDeadLetterQueueError extends MillraceError {
  readonly code = "NO_DEAD_LETTER_QUEUE";

  constructor(queueUrl: string) {
    super(`${queueUrl} has no dead-letter queue (its RedrivePolicy is not set or not readable)`);
  }
}

/** The queue cannot be consumed as it is set up. */
export class QueueSetupError extends MillraceError {
  readonly code = "QUEUE_SETUP";
}

/** A settlement was given up: the message will come again. */
export class SettlementError extends MillraceError {
  readonly code = "SETTLEMENT_FAILED";
}
