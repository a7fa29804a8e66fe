/**
 * Owns a transaction from BEGIN to COMMIT or ROLLBACK: its locks, its repetition after a conflict, and the
 * certainty about how it ended. It never looks at what is done in it.
 */
import type { Pool, PoolClient, QueryResult } from "pg";
import { sleep } from "../clock.ts";
import type { Clock } from "../clock.ts";
import { fullJitterMs } from "../random.ts";
import type { Random } from "../random.ts";
import { begin } from "./begin.ts";
import type { Isolation } from "./begin.ts";
import {
  CommitUnknownError,
  DatabaseUnavailableError,
  isConflict,
  sqlStateOf,
  statementFailed,
  TransactionAbortedError,
  TransactionEndedError,
} from "./errors.ts";
import { withClient } from "./held-client.ts";
import type { HeldClient } from "./held-client.ts";

export interface TransactionParts {
  readonly pool: Pool;
  readonly isolation: Isolation;
  /** Keys of advisory locks that are taken first and held to the end, in ascending order. */
  readonly locks: readonly string[];
  /** Ends the transaction, unless it is committed, and every wait within it. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: Random;
}

/** What the work in a transaction has come to, and whether its effects are to stay. */
export interface Done<T> {
  readonly commit: boolean;
  readonly value: T;
}

/** How often a transaction is run again after a conflict, before that counts as a failure. */
const maxRepetitions = 4;
const backoff = { baseMs: 10, maxMs: 500 };

/**
 * Runs `work` in a transaction, and again when another one stood in its way (40001, 40P01). Throws what it
 * throws, after a rollback.
 *
 * | the transaction | the connection |
 * |---|---|
 * | its COMMIT or ROLLBACK was answered | goes back to the pool |
 * | anything else: broken, aborted, not answered, ended by the work itself | is destroyed: Postgres rolls back |
 * | it led to a server that takes no writes | is destroyed: a new one leads to the primary, after a failover |
 *
 * @throws the signal's reason when it aborts before the commit is confirmed; TransactionAbortedError,
 * TransactionEndedError, CommitUnknownError; DatabaseUnavailableError and StatementError from the statements
 * around the work.
 */
export function inTransaction<T>(
  parts: TransactionParts,
  work: (tx: PoolClient) => Promise<Done<T>>,
): Promise<T> {
  const { pool, signal, clock, random } = parts;
  return withClient(pool, signal, async (held) => {
    for (let repetitions = 0; ; repetitions += 1) {
      try {
        return await runOnce(held, parts, work);
      } catch (error) {
        if (!held.clean || !isConflict(error) || repetitions === maxRepetitions) throw error;
      }
      // Those that met will meet again if they come back together.
      await sleep(clock, fullJitterMs(backoff, repetitions, random), signal);
    }
  });
}

async function runOnce<T>(
  held: HeldClient,
  parts: TransactionParts,
  work: (tx: PoolClient) => Promise<Done<T>>,
): Promise<T> {
  held.clean = false;
  // What fails before the work has begun destroys the connection: a session's lock may be held on it.
  await beginLocked(held.client, parts);
  try {
    const { commit, value } = await work(held.client);
    // Work that did not mind the signal ends here. Its connection is gone already.
    parts.signal.throwIfAborted();
    if (commit) await commitOn(held);
    else await rollBack(held);
    return value;
  } catch (error) {
    const spoilt =
      error instanceof TransactionEndedError ||
      error instanceof DatabaseUnavailableError ||
      error instanceof CommitUnknownError;
    if (!held.clean && !spoilt) await rollBack(held);
    throw error;
  }
}

/**
 * A cursor lives as long as its transaction. That it can be closed before the commit shows that no other one has
 * taken its place, which the connection's status does not tell: `INSERT ...; ROLLBACK; BEGIN` in one text.
 */
const mark = {
  set: "DECLARE millrace_transaction CURSOR FOR SELECT 1",
  take: "CLOSE millrace_transaction",
} as const;

/**
 * Begins, with the locks.
 *
 * Above "read committed" a transaction sees the database as it was at its first statement. Were that the wait
 * for the lock, it would not see what the lock's last holder did. So the wait comes before, with a lock of the
 * session that lasts until the transaction has one of its own.
 */
async function beginLocked(client: PoolClient, parts: TransactionParts): Promise<void> {
  const { pool, isolation, locks } = parts;
  const own = each("pg_advisory_xact_lock", locks);
  try {
    await begin(
      pool,
      (sql) => client.query(sql),
      (start) => {
        if (locks.length === 0) return [start(isolation), mark.set];
        if (isolation === "read committed") return [start(isolation), own, mark.set];
        const wait = [start("read committed"), each("pg_advisory_lock", locks), "COMMIT"];
        const unlock = each("pg_advisory_unlock", locks);
        return [...wait, start(isolation), own, unlock, mark.set];
      },
    );
  } catch (error) {
    throw statementFailed("the transaction could not begin", error);
  }
}

/** In the order given: those who take the same locks take them in the same order. */
function each(lock: string, keys: readonly string[]): string {
  // Digits, so that they can stand in the text, and the text go along with BEGIN in one round trip.
  const list = keys.map((key) => BigInt(key)).join(",");
  return `SELECT ${lock}(key) FROM unnest('{${list}}'::bigint[]) AS key`;
}

async function commitOn(held: HeldClient): Promise<void> {
  let command: string | undefined;
  try {
    command = lastCommand(await held.client.query(`${mark.take}; COMMIT`));
  } catch (error) {
    const sqlState = sqlStateOf(error);
    if (sqlState === noSuchCursor) throw new TransactionEndedError(endedWithin);
    // Only Postgres refuses. Where `pg` itself gave up, for its query_timeout, the commit may well succeed, and a
    // ROLLBACK behind it be answered.
    if (sqlState !== undefined && (await rollBack(held))) {
      if (sqlState === failedTransaction) throw new TransactionAbortedError();
      throw statementFailed("the commit was refused", error);
    }
    held.destroy();
    throw new CommitUnknownError({ cause: error });
  }
  held.clean = true;
  // Postgres does not call it an error: it says what it did instead.
  if (command !== "COMMIT") throw new TransactionAbortedError();
}

/** Of a text of several statements `pg` answers with a list, which its types do not say. */
function lastCommand(result: QueryResult | readonly QueryResult[]): string | undefined {
  return (Array.isArray(result) ? result.at(-1) : result)?.command;
}

/** What Postgres says where there is no such cursor, and of any statement in a transaction that has failed. */
const noSuchCursor = "34000";
const failedTransaction = "25P02";
const endedWithin = "the handler ended the transaction, within a query of several";

/** Whether it was answered. If not the connection is destroyed, which rolls back too. */
async function rollBack(held: HeldClient): Promise<boolean> {
  try {
    await held.client.query("ROLLBACK");
    held.clean = true;
  } catch {
    // What led to the rollback is what matters, and is thrown.
  }
  return held.clean;
}
