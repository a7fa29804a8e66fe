/**
 * Owns the deletion of keys that are past their retention. It never decides when to sweep; callers do.
 */
import type { Pool } from "pg";
import { checkOptionNames, requireNumber } from "../option-checks.ts";
import { checkPool, withClient } from "./held-client.ts";
import { defaultInboxTable } from "./schema.ts";
import { readTableName } from "./table-name.ts";

/** Options of {@link sweep}. */
export interface SweepOptions {
  /** The inbox's table, `name` or `schema.name`. Default `millrace_inbox`. */
  readonly table?: string | undefined;
  /**
   * Rows a statement, 1 to 100,000. Default 1,000. Each statement is a transaction of its own: large ones hold
   * their locks longer, small ones cost round trips.
   */
  readonly batchSize?: number | undefined;
  /** Ends the sweep; what was deleted by then stays so. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Deletes the keys whose retention is over, which each inbox sets for the keys that it records. To be called
 * now and then, once an hour or a day; any number of processes may do so at once and share the work.
 *
 * @returns how many it has deleted.
 * @throws OptionError; DatabaseUnavailableError, StatementError; the signal's reason.
 */
export async function sweep(pool: Pool, options: SweepOptions = {}): Promise<number> {
  checkPool(pool);
  checkOptionNames(options, known);
  const { batchSize = 1_000, signal } = options;
  const table = readTableName("table", options.table ?? defaultInboxTable);
  requireNumber("batchSize", batchSize, { min: 1, max: 100_000, whole: true });
  // By their place in the table: an array of those makes a plan that reads nothing else.
  const sql = `
    DELETE FROM ${table.sql} WHERE ctid = ANY (ARRAY (
      SELECT ctid FROM ${table.sql} WHERE expires_at < now()
      ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED))`;
  for (let deleted = 0; ;) {
    const { rowCount } = await withClient(pool, signal, (held) =>
      held.run("keys could not be swept", sql, [batchSize]),
    );
    const count = rowCount ?? 0;
    deleted += count;
    if (count < batchSize) return deleted;
  }
}

const known: ReadonlySet<string> = new Set<keyof SweepOptions>(["table", "batchSize", "signal"]);
