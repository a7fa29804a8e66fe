/**
 * Owns the rows of the inbox: the keys of what was done. It never begins or ends a transaction.
 */
import type { PoolClient } from "pg";
import { StatementError, statementFailed } from "./errors.ts";
import type { TableName } from "./table-name.ts";

/** Fewer rows than there were to be (Postgres manual, appendix A). */
const noData = "02000";

/** What {@link recordKeys} is to record. */
export interface Keys {
  readonly table: TableName;
  readonly scope: string;
  readonly keys: readonly string[];
  readonly retentionDays: number;
}

/**
 * Records the keys in the transaction of `tx`, and answers those that were not there: what they stand for has
 * not been done. Where another transaction has recorded one and not ended, it waits for that one's end.
 *
 * @throws StatementError, DatabaseUnavailableError.
 */
export async function recordKeys(tx: PoolClient, keys: Keys): Promise<ReadonlySet<string>> {
  const { table, scope, retentionDays } = keys;
  try {
    const { rows } = await tx.query<{ key: string }>(
      `INSERT INTO ${table.sql} (queue, key, expires_at)
       SELECT $1, key, now() + $2 * interval '1 day' FROM unnest($3::text[]) AS key
       ON CONFLICT DO NOTHING RETURNING key`,
      // In one order: batches that share keys would otherwise wait for one another in a ring.
      [scope, retentionDays, keys.keys.toSorted()],
    );
    return new Set(rows.map(({ key }) => key));
  } catch (error) {
    throw statementFailed("the keys of messages could not be recorded", error);
  }
}

/**
 * Takes keys back that this transaction has recorded.
 *
 * @throws StatementError where they are not all there: a handler that changed the search path has another table of that
 * name before it, and a key that stayed would acknowledge a message that was not done.
 */
export async function forgetKeys(
  tx: PoolClient,
  { table, scope, keys }: Omit<Keys, "retentionDays">,
): Promise<void> {
  if (keys.length === 0) return;
  let forgotten: number | null;
  try {
    const sql = `DELETE FROM ${table.sql} WHERE queue = $1 AND key = ANY ($2::text[])`;
    ({ rowCount: forgotten } = await tx.query(sql, [scope, keys]));
  } catch (error) {
    throw statementFailed("the keys of messages could not be taken back", error);
  }
  if (forgotten === keys.length) return;
  throw new StatementError(
    `${keys.length} keys of messages were to be taken back, and ${forgotten ?? 0} were in ${table.sql}: name the table with its schema where handlers change the search path`,
    noData,
  );
}
