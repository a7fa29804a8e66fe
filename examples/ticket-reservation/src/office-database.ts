/**
 * Owns how the programs of the office come by their database: connections, and tables that are there. It never
 * reads or writes a row.
 */
import { databasePool, DatabaseUnusableError } from "programs";
import type { DatabasePool, DatabasePoolOptions } from "programs";
import { createTables } from "./office/tables.ts";

/**
 * Connections to a database with the office's tables, which are created if they are missing.
 *
 * @throws UsageError when `url` is no Postgres URL; DatabaseUnusableError when there is no use in it.
 */
export async function openOfficeDatabase(
  url: string,
  options: DatabasePoolOptions,
): Promise<DatabasePool> {
  // With the patience that this takes where many come at once, whatever a statement may take later.
  await using first = databasePool(url, { max: 1, applicationName: options.applicationName });
  try {
    await createTables(first);
  } catch (error) {
    throw new DatabaseUnusableError(url, error);
  }
  return databasePool(url, options);
}
