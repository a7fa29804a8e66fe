/**
 * Owns the transactions of the web server, from BEGIN to COMMIT or ROLLBACK. Workers have theirs from the inbox.
 */
import type { Pool, PoolClient } from "pg";

/**
 * Runs `work` in a transaction, and answers what it answers; what it throws rolls everything back.
 *
 * @param pool whose clients' errors somebody listens for, as `databasePool` does: a connection that breaks between
 * two statements would end the process, otherwise.
 */
export async function inTransaction<T>(
  pool: Pool,
  work: (tx: PoolClient) => Promise<T>,
): Promise<T> {
  const tx = await pool.connect();
  // A connection that did not end its transaction is no good to anybody else.
  let broken = true;
  try {
    await tx.query("BEGIN");
    const answer = await work(tx);
    await tx.query("COMMIT");
    broken = false;
    return answer;
  } finally {
    tx.release(broken);
  }
}
