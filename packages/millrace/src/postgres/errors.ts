/**
 * Owns the errors of inbox and outbox, and the reading of what Postgres calls an error. It never decides what
 * follows from one: a consumer retries the message, as after any other error.
 */
import { describe, MillraceError, toError } from "../errors.ts";
import { publicCause } from "../sqs/redaction.ts";

/**
 * No connection to the database was to be had, or the one in use broke before anything was committed, or leads to
 * a server that takes no writes.
 */
export class DatabaseUnavailableError extends MillraceError {
  readonly code = "DATABASE_UNAVAILABLE";
}

/** The database refused one of the library's own statements. */
export class StatementError extends MillraceError {
  readonly code = "STATEMENT_FAILED";
  /** Postgres's five characters: `42P01` where a table is missing (Postgres manual, appendix A). */
  readonly sqlState: string;

  constructor(message: string, sqlState: string, options?: ErrorOptions) {
    super(message, options);
    this.sqlState = sqlState;
  }
}

/**
 * A statement had failed in the transaction, and the handler did not let on: Postgres had nothing left to
 * commit and rolled back. A handler that goes on after a failed statement needs a savepoint around it.
 */
export class TransactionAbortedError extends MillraceError {
  readonly code = "TRANSACTION_ABORTED";

  constructor() {
    super(
      "nothing was committed: a statement of the handler's failed, and it returned all the same",
    );
  }
}

/**
 * The handler wanted to end the transaction itself, or to use it beyond its own end: the statement was refused, and
 * never reached Postgres. Where COMMIT or ROLLBACK was hidden behind other statements in one query, it was carried
 * out, and shows only afterwards: what the handler did, and the message's key, may then be committed. `cause` is what
 * the handler threw, if it did, or what Postgres said.
 */
export class TransactionEndedError extends MillraceError {
  readonly code = "TRANSACTION_ENDED";
}

/**
 * The commit was under way and was not answered: the connection broke, or the pool's `query_timeout` was over. It
 * happened or it did not; the redelivery finds out, by the message's key.
 */
export class CommitUnknownError extends MillraceError {
  readonly code = "COMMIT_UNKNOWN";

  constructor(options: ErrorOptions) {
    super("the commit was not answered: whether it happened is not known", options);
  }
}

/** The `key` or the `lock` option answered something that is no key. */
export class InboxKeyError extends MillraceError {
  readonly code = "INVALID_INBOX_KEY";
  /** What it answered. */
  readonly received: unknown;

  constructor(option: "key" | "lock", received: unknown) {
    const expected = "must answer a string that is not empty, or undefined";
    super(`${option} ${expected}; it answered ${describe(received)}`);
    this.received = received;
  }
}

/** The relay was stopped, and what was under way had to end. */
export class RelayStoppedError extends MillraceError {
  readonly code = "RELAY_STOPPED";

  constructor() {
    super("the outbox relay was stopped");
  }
}

/** Causes looked through: query builders wrap the errors of `pg`, some more than once. */
const maxCauses = 5;

/** The SQLSTATE in an error or what led to it; undefined when the database did not say one. */
export function sqlStateOf(thrown: unknown): string | undefined {
  let error = thrown;
  for (let depth = 0; depth <= maxCauses; depth += 1) {
    if (typeof error !== "object" || error === null) return undefined;
    // Five characters are also EPIPE; only Postgres's errors have a severity beside it.
    if ("severity" in error && "code" in error && typeof error.code === "string") return error.code;
    error = "cause" in error ? error.cause : undefined;
  }
  return undefined;
}

/** Transactions that stood in each other's way: the same again has every chance to succeed. */
const conflicts: ReadonlySet<string> = new Set(["40001", "40P01"]);

/** Whether an error says that the transaction is to be run again: a serialization failure or a deadlock. */
export function isConflict(thrown: unknown): boolean {
  return conflicts.has(sqlStateOf(thrown) ?? "");
}

/**
 * Connection exceptions, shutdowns, too many connections; and a server that takes no writes, as the one does that
 * was the primary until a failover.
 */
const unavailable = /^(?:08...|57P0[1-5]|53300|25006)$/;

/** What an error says. One of a host with several addresses says nothing itself: those of its addresses do. */
export function textOf(error: Error): string {
  if (error.message !== "") return error.message;
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  return publicCause(first ?? error).message;
}

/** The error of a statement of the library's own. */
export function statementFailed(what: string, thrown: unknown): MillraceError {
  const cause = toError(thrown);
  const sqlState = sqlStateOf(thrown);
  if (sqlState === undefined || unavailable.test(sqlState)) {
    return new DatabaseUnavailableError(`${what}: ${textOf(cause)}`, { cause });
  }
  const hint = sqlState === "42P01" ? "; migrate(pool) creates the tables" : "";
  return new StatementError(`${what}: ${textOf(cause)}${hint}`, sqlState, { cause });
}
