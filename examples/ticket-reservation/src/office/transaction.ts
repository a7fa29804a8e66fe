/**
 * Owns the transactions of the web server, from BEGIN to COMMIT or ROLLBACK. Workers have theirs from the inbox.
 */
import type { Pool, PoolClient } from "pg";

/** Runs `work` in a transaction, and answers what it answers; what it throws rolls everything back. */
export async function inTransaction<T>(
  pool: Pool,
  work: (tx: PoolClient) => Promise<T>,
): Promise<T> {
  const tx = await pool.connect();
  // When the connection breaks, the statement under way says so; between two of them, the next one.
  tx.on("error", ignore);
  // A connection that did not end its transaction is no good to anybody else.
  let broken = true;
  try {
    await tx.query("BEGIN");
    const answer = await work(tx);
    await tx.query("COMMIT");
    broken = false;
    return answer;
  } finally {
    tx.off("error", ignore);
    tx.release(broken);
  }
}

function ignore(): void {}
