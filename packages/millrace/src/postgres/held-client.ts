/**
 * Owns the loan of a client from the pool: from the moment it is asked for until it is back, or destroyed. It
 * never begins a transaction.
 */
import type { Pool, PoolClient, QueryResult } from "pg";
import { toError } from "../errors.ts";
import { requireMethodsUnshown } from "../option-checks.ts";
import { DatabaseUnavailableError, statementFailed, textOf } from "./errors.ts";

/** @throws OptionError when `pool` is no Pool of `pg`. */
export function checkPool(pool: Pool): void {
  requireMethodsUnshown("pool", pool, ["connect", "query"], "a Pool of pg");
}

/** A client that is ours for now. */
export class HeldClient {
  readonly client: PoolClient;
  /**
   * Whether the connection is as it was lent: nothing open on it, nothing under way. Written by whoever uses
   * the client; one that is given back otherwise is destroyed, since the next user would be in the middle of
   * somebody else's transaction.
   */
  clean = true;
  #returned = false;

  constructor(client: PoolClient) {
    this.client = client;
    client.on("error", ignore);
  }

  /**
   * Runs a statement that is a transaction of its own.
   *
   * @param what what it is for, in the words of an error message that says it failed.
   * @throws StatementError, DatabaseUnavailableError.
   */
  async run(what: string, sql: string, values?: unknown[]): Promise<QueryResult> {
    this.clean = false;
    try {
      const result = await this.client.query(sql, values);
      this.clean = true;
      return result;
    } catch (error) {
      throw statementFailed(what, error);
    }
  }

  /**
   * Closes the connection, whatever is under way on it, and makes room in the pool. Postgres rolls back what
   * was not committed, and whatever is still asked of the client rejects.
   */
  destroy(): void {
    this.clean = false;
    this.giveBack();
  }

  /** Back to the pool, once; destroyed unless it is clean. */
  giveBack(): void {
    if (this.#returned) return;
    this.#returned = true;
    this.client.release(!this.clean);
    this.client.off("error", ignore);
  }
}

/**
 * A client that is lent emits its connection's end as an event, which without a listener ends the process.
 * The query that is under way, or the next one, rejects with it: nothing is lost here.
 */
function ignore(): void {}

/**
 * Lends a client to `use`. When the signal aborts, the client is destroyed at once, so that nothing more comes
 * of it; `use` is still waited for, since it may be running a handler.
 *
 * @throws DatabaseUnavailableError when the pool has none to give; the signal's reason, in place of what `use`
 * throws once it has aborted; what `use` throws.
 */
export async function withClient<T>(
  pool: Pool,
  signal: AbortSignal | undefined,
  use: (held: HeldClient) => Promise<T>,
): Promise<T> {
  const held = await borrow(pool, signal);
  const onAbort = (): void => held.destroy();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    return await use(held);
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
    held.giveBack();
  }
}

/**
 * A pool knows no way to withdraw a request: one that is answered after an abort goes straight back.
 *
 * It is asked by callback. A promise would come a moment too late: a connection whose end arrives together with
 * its beginning says so before, to nobody, and that ends the process.
 */
function borrow(pool: Pool, signal: AbortSignal | undefined): Promise<HeldClient> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    let waiting = true;
    const onAbort = (): void => {
      waiting = false;
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    pool.connect((error, client) => {
      signal?.removeEventListener("abort", onAbort);
      if (client === undefined) {
        const cause = toError(error);
        reject(new DatabaseUnavailableError(`no connection: ${textOf(cause)}`, { cause }));
        return;
      }
      const held = new HeldClient(client);
      if (waiting) resolve(held);
      else held.giveBack();
    });
  });
}
