/**
 * Owns what a relay tells about itself: the shapes of its events and figures. It holds no code.
 */
import type { HealthStatus } from "../health-status.ts";

/** The events of a relay. */
export interface OutboxRelayEvents {
  /** SQS has a message, and it is out of the outbox. */
  sent: {
    readonly id: string;
    readonly queue: string;
    readonly idempotencyKey: string;
    readonly messageId: string;
  };
  /** A message was not sent; it stays in the outbox and is tried again in `retryInMs`. */
  failed: {
    readonly id: string;
    readonly queue: string;
    readonly idempotencyKey: string;
    readonly error: Error;
    /** How often its send has failed, this time included. */
    readonly attempts: number;
    readonly retryInMs: number;
  };
  /** The database is away, or refuses; the relay connects again in `retryInMs`. */
  databaseFailed: {
    readonly error: Error;
    /** In a row. */
    readonly failures: number;
    readonly retryInMs: number;
  };
  /** The relay's health has changed. */
  stateChanged: {
    readonly from: HealthStatus;
    readonly to: HealthStatus;
    readonly reason: string | undefined;
  };
}

/** Figures of a relay, since it was made. */
export interface OutboxRelayStats {
  /** Messages that SQS has. */
  readonly sent: number;
  /** Sends that failed and are tried again. */
  readonly failed: number;
  /** Transactions in which there was something to send. */
  readonly rounds: number;
  /** Times that the connection to the database was lost, or not to be had. */
  readonly databaseFailures: number;
}
