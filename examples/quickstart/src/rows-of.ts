/** Owns the count of rows for a summary. It never fails: a summary is worth having without it too. */
import type { MessagesTable } from "./messages-table.ts";

/** The table's rows; undefined when the database does not say. */
export async function rowsOf(table: MessagesTable): Promise<number | undefined> {
  try {
    return await table.rows();
  } catch {
    return undefined;
  }
}
