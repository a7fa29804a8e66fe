/**
 * Owns the events of a consumer: their names and what each carries. It never emits one.
 */
import type { LeaseLostError, SettlementError } from "./errors.ts";
import type { HealthStatus } from "../health-status.ts";
import type { Message } from "./message.ts";
import type { Outcome } from "./outcome.ts";

/**
 * The body in these messages is the parsed one once the consumer's schema has accepted it, and the raw
 * string before that; so it is `unknown` here.
 */
type AnyMessage = Message<unknown>;

/** Events by name. Listeners are called synchronously; what they throw is contained and logged. */
export interface ConsumerEvents {
  /** A poll was answered, with `count` deliveries of the `requested`; also with none. */
  received: { readonly count: number; readonly requested: number; readonly durationMs: number };
  /** A worker has taken a message and starts its handler. */
  started: { readonly message: AnyMessage; readonly worker: number };
  /** SQS has confirmed the deletion of a message whose handler resolved after `handlerMs`. */
  acknowledged: {
    readonly message: AnyMessage;
    readonly worker: number;
    readonly handlerMs: number;
  };
  /** SQS will hand the message out again, `afterSeconds` from now. */
  retried: {
    readonly message: AnyMessage;
    readonly worker: number;
    readonly afterSeconds: number;
    readonly reason: string | undefined;
  };
  /**
   * The message was given back unhandled, or by its handler; SQS hands it out again `afterSeconds` from
   * now. `reason` is why the consumer gave it back: it stops, or one before it in its lane failed.
   */
  released: {
    readonly message: AnyMessage;
    readonly afterSeconds: number;
    readonly reason: string | undefined;
  };
  /** The message's copy is in the dead-letter queue, and the message is deleted. */
  deadLettered: { readonly message: AnyMessage; readonly reason: string | undefined };
  /** The handler failed: it threw, timed out, or never got a body it could take. `outcome` is what follows. */
  failed: {
    readonly message: AnyMessage;
    readonly worker: number;
    readonly error: Error;
    readonly outcome: Outcome;
  };
  /** The lease ended before the outcome was known; the message will come again, here or elsewhere. */
  leaseLost: { readonly message: AnyMessage; readonly error: LeaseLostError };
  /** A poll failed, the `consecutive`th in a row; the next one follows in `retryInMs`. */
  pollFailed: {
    readonly error: Error;
    readonly consecutive: number;
    readonly retryInMs: number;
  };
  /** A settlement was given up after retries; the message will come again. */
  settleFailed: {
    readonly message: AnyMessage;
    readonly outcome: Outcome | undefined;
    readonly error: SettlementError;
  };
  /** The consumer's health has changed. */
  stateChanged: {
    readonly from: HealthStatus;
    readonly to: HealthStatus;
    readonly reason: string | undefined;
  };
}
