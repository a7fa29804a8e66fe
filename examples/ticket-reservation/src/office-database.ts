/**
 * Owns how the programs of the office come by their database: connections, and tables that are there. It never
 * reads or writes a row.
 */
import { databasePool, DatabaseUnusableError } from "programs";
import type { DatabasePool } from "programs";
import { createTables } from "./office/tables.ts";

/**
 * Connections, `max` at most, to a database with the office's tables, which are created if they are missing.
 *
 * @param applicationName what the database shows of them.
 * @throws UsageError when `url` is no Postgres URL; DatabaseUnusableError when there is no use in it.
 */
export async function openOfficeDatabase(
  url: string,
  max: number,
  applicationName: string,
): Promise<DatabasePool> {
  const pool = databasePool(url, max, applicationName);
  try {
    await createTables(pool);
    return pool;
  } catch (error) {
    await pool.end();
    throw new DatabaseUnusableError(url, error);
  }
}
