/**
 * Owns a transaction from BEGIN to COMMIT or ROLLBACK: its locks, its repetition after a conflict, and the
 * certainty about how it ended. It never looks at what is done in it.
 */
import type { Pool, PoolClient, QueryResult, QueryResultRow } from "pg";
import { sleep } from "../clock.ts";
import type { Clock } from "../clock.ts";
import { toError } from "../errors.ts";
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
 * | anything else: broken, aborted, not answered, used by the work after its end | is destroyed: Postgres rolls back |
 * | it led to a server that takes no writes | is destroyed: a new one leads to the primary, after a failover |
 *
 * The work cannot end it unseen, as by `INSERT ...; COMMIT; BEGIN` in one text: its id tells at the end whether it is
 * still the same, and whether it was committed before.
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
        const mayRepeat = held.clean && !(error instanceof TransactionEndedError);
        if (!mayRepeat || !isConflict(error) || repetitions === maxRepetitions) throw error;
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
  const id = await beginLocked(held.client, parts);
  try {
    const { commit, value } = await work(held.client);
    // Work that did not mind the signal ends here. Its connection is gone already.
    parts.signal.throwIfAborted();
    if (commit) await commitOn(held, id);
    else await rollBack(held, id);
    return value;
  } catch (error) {
    const spoilt =
      error instanceof TransactionEndedError ||
      error instanceof DatabaseUnavailableError ||
      error instanceof CommitUnknownError;
    if (!held.clean && !spoilt) await rollBack(held, id, error);
    throw error;
  }
}

/**
 * Begins, with the locks.
 *
 * Above "read committed" a transaction sees the database as it was at its first statement. Were that the wait
 * for the lock, it would not see what the lock's last holder did. So the wait comes before, with a lock of the
 * session that lasts until the transaction has one of its own.
 *
 * @returns the transaction's id.
 */
async function beginLocked(client: PoolClient, parts: TransactionParts): Promise<string> {
  const { pool, isolation, locks } = parts;
  const own = each("pg_advisory_xact_lock", locks);
  const askId = "SELECT pg_current_xact_id()::text AS id";
  try {
    const answer = await begin(
      pool,
      (sql) => client.query<{ id: string }>(sql),
      (start) => {
        if (locks.length === 0) return [start(isolation), askId];
        if (isolation === "read committed") return [start(isolation), own, askId];
        const wait = [start("read committed"), each("pg_advisory_lock", locks), "COMMIT"];
        const unlock = each("pg_advisory_unlock", locks);
        return [...wait, start(isolation), own, unlock, askId];
      },
    );
    return last(answer)?.rows[0]?.id ?? "";
  } catch (error) {
    throw statementFailed("the transaction could not begin", error);
  }
}

/** Of a text of several statements `pg` answers with a list, which its types do not say. */
function last<Row extends QueryResultRow>(
  answer: QueryResult<Row> | readonly QueryResult<Row>[],
): QueryResult<Row> | undefined {
  return [answer].flat().at(-1);
}

/** In the order given: those who take the same locks take them in the same order. */
function each(lock: string, keys: readonly string[]): string {
  // Digits, so that they can stand in the text, and the text go along with BEGIN in one round trip.
  const list = keys.map((key) => BigInt(key)).join(",");
  return `SELECT ${lock}(key) FROM unnest('{${list}}'::bigint[]) AS key`;
}

/** What is said of a transaction that is another one by now. Postgres has it in an error's message as it is, in any language. */
const another = "millrace: another transaction";

/** A statement that fails unless the transaction is the one of `id`: what follows it in the same text is not done then. */
function requireStill(id: string): string {
  return `SELECT (CASE WHEN pg_current_xact_id_if_assigned() = '${id}'::xid8 THEN '0' ELSE '${another}' END)::int`;
}

/** Of any statement in a transaction that has failed. */
const failedTransaction = "25P02";

async function commitOn(held: HeldClient, id: string): Promise<void> {
  let command: string | undefined;
  try {
    command = last(await held.client.query(`${requireStill(id)}; COMMIT`))?.command;
  } catch (error) {
    // Only Postgres refuses. Where `pg` itself gave up, for its query_timeout, the commit may well succeed, and a
    // ROLLBACK behind it be answered.
    const sqlState = sqlStateOf(error);
    if (sqlState !== undefined && (await rollBack(held, id, error))) {
      if (toError(error).message.includes(another)) throw endedWithin(error);
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

/**
 * Whether it was answered. If not the connection is destroyed, which rolls back too.
 *
 * @param cause what led to it.
 * @throws TransactionEndedError when there was nothing to roll back any more: the work had it committed.
 */
async function rollBack(held: HeldClient, id: string, cause?: unknown): Promise<boolean> {
  let status: string | null | undefined;
  try {
    const sql = `ROLLBACK; SELECT pg_xact_status('${id}'::xid8) AS status`;
    status = last(await held.client.query<{ status: string | null }>(sql))?.rows[0]?.status;
    held.clean = true;
  } catch {
    // What led to the rollback is what matters, and is thrown.
    return false;
  }
  if (status === "committed") throw endedWithin(cause);
  return true;
}

function endedWithin(cause: unknown): TransactionEndedError {
  return new TransactionEndedError(
    "the handler ended the transaction, within a query of several: what it did may be committed",
    { cause },
  );
}
