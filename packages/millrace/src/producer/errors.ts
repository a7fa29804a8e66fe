/**
 * Owns the errors that a send rejects with. It never decides which one: that follows from where the send
 * ended.
 */
import { MillraceError } from "../errors.ts";

/** The message cannot be sent as it is, to no queue or not to this one. It was never part of a request. */
export class InvalidMessageError extends MillraceError {
  readonly code = "INVALID_MESSAGE";
  /** What is wrong with it: `body`, `groupId`, `attributes.tenant`. */
  readonly field: string;

  constructor(field: string, problem: string, options?: ErrorOptions) {
    super(`${field} ${problem}`, options);
    this.field = field;
  }
}

/** Data of a {@link SendFailedError}. */
export interface SendFailure {
  /** Requests that the message was part of; 0 when its turn never came. */
  readonly attempts: number;
  /** Whether one of them ended without a clear answer, so that the message may be on the queue after all. */
  readonly mayBeSent: boolean;
}

/** SQS refused the message, or could not be reached in time. The `cause` is what it said last. */
export class SendFailedError extends MillraceError {
  readonly code = "SEND_FAILED";
  readonly attempts: number;
  /** Whether the message may be on the queue all the same: one attempt ended without a clear answer. */
  readonly mayBeSent: boolean;

  constructor(message: string, failure: SendFailure, options?: ErrorOptions) {
    super(message, options);
    this.attempts = failure.attempts;
    this.mayBeSent = failure.mayBeSent;
  }
}

/** The producer was closed, before the send or, with a signal that aborted its close, during it. */
export class ProducerClosedError extends MillraceError {
  readonly code = "PRODUCER_CLOSED";
  /** Whether the message may be on the queue all the same: it was part of a request whose answer is not known. */
  readonly mayBeSent: boolean;

  constructor(mayBeSent = false, options?: ErrorOptions) {
    super("the producer is closed", options);
    this.mayBeSent = mayBeSent;
  }
}
