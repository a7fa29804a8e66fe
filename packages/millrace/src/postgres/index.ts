/**
 * The public API of "millrace/postgres": effects that happen once, and messages that are sent with the rows
 * they belong to. It holds no code.
 */
export type { Isolation } from "./begin.ts";
export {
  CommitUnknownError,
  DatabaseUnavailableError,
  InboxKeyError,
  RelayStoppedError,
  StatementError,
  TransactionAbortedError,
  TransactionEndedError,
} from "./errors.ts";
export { inbox } from "./inbox.ts";
export type { InboxHandler } from "./inbox.ts";
export type { InboxOptions } from "./inbox-options.ts";
export { inboxBatch } from "./inbox-batch.ts";
export type { InboxBatchHandler } from "./inbox-batch.ts";
export { outbox } from "./outbox.ts";
export type { OutboxOptions, OutboxResult, Queryable } from "./outbox.ts";
export { OutboxRelay } from "./outbox-relay.ts";
export type { OutboxRelayHealth } from "./outbox-relay-health.ts";
export type { OutboxRelayEvents, OutboxRelayStats } from "./outbox-relay-events.ts";
export type { OutboxRelayOptions } from "./outbox-relay-options.ts";
export { poolHeadroom } from "./pool-headroom.ts";
export type { PoolHeadroomOptions } from "./pool-headroom.ts";
export { inboxSql, migrate, outboxSql } from "./schema.ts";
export type { MigrateOptions } from "./schema.ts";
export { sweep } from "./sweep.ts";
export type { SweepOptions } from "./sweep.ts";
