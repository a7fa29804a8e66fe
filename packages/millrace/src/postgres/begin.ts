/**
 * Owns how a transaction of the library's begins: with its isolation level, and so that Postgres notices when we are
 * gone. It never ends one.
 */
import type { Pool } from "pg";
import { sqlStateOf } from "./errors.ts";

/** Isolation levels, as Postgres names them. */
export type Isolation = "read committed" | "repeatable read" | "serializable";

/**
 * Has Postgres notice that we are gone. A wait for a lock whose connection was destroyed ends by the first: it looks
 * every second, during a statement; otherwise the abandoned would pile up, each in a place of the server's. It is
 * of Postgres 14 and later, and not on Windows. The others are for a host that went without a word: its
 * transaction, and what is locked in it, end within a minute on Linux, and not after the two hours of TCP's own.
 */
const noticeOurEnd = [
  "SET LOCAL client_connection_check_interval = 1000",
  "SET LOCAL tcp_keepalives_idle = 10",
  "SET LOCAL tcp_keepalives_interval = 5",
  "SET LOCAL tcp_keepalives_count = 9",
  // Linux suspends those while something that was sent is not acknowledged: an answer to a host that is gone.
  "SET LOCAL tcp_user_timeout = 55000",
].join("; ");
/** Of a server that has no such setting, and of one whose platform has no way to look. */
const noSuchSetting: ReadonlySet<string | undefined> = new Set(["42704", "22023"]);
/** Pools whose servers do not know it. */
const unnoticing = new WeakSet<Pool>();

/** What begins a transaction of a level, in SQL. */
export type Start = (isolation: Isolation) => string;

/**
 * Begins, in one message with the statements around it: they take no round trips of their own, and Postgres waits
 * for us nowhere between them.
 *
 * @param query runs a text on a client of `pool`.
 * @param statements makes them, of what begins a transaction. They are made twice where the server does not know how
 * to notice our end.
 * @returns what `query` answered.
 * @throws what `query` throws.
 */
export async function begin<Answer>(
  pool: Pool,
  query: (sql: string) => Promise<Answer>,
  statements: (start: Start) => readonly string[],
): Promise<Answer> {
  const text = (start: Start): string => statements(start).join("; ");
  if (!unnoticing.has(pool)) {
    try {
      return await query(text((isolation) => `${plainly(isolation)}; ${noticeOurEnd}`));
    } catch (error) {
      if (!noSuchSetting.has(sqlStateOf(error))) throw error;
      unnoticing.add(pool);
      await query("ROLLBACK");
    }
  }
  return query(text(plainly));
}

function plainly(isolation: Isolation): string {
  return `BEGIN ISOLATION LEVEL ${isolation}`;
}
