/**
 * Owns the table `messages` and the connections to its database. It never writes a row; the handler does.
 */
import type { Pool } from "pg";
import { databasePool, DatabaseUnusableError } from "programs";

/** Plenty for the workers: each holds one only for its INSERT. Postgres allows 100 in all by default. */
const maxConnections = 20;

/** Two programs that start together must not both create it: the later one waits, and finds it. */
const createIfMissing = `
  DO $$ BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('millrace quickstart: create messages'));
    IF to_regclass('messages') IS NULL THEN
      CREATE TABLE messages (
        id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        message    text        NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      );
    END IF;
  END $$`;

export class MessagesTable implements AsyncDisposable {
  readonly pool: Pool;
  /** Rows with an id above it are of this program, or of others that run now. Written by open. */
  #lastIdBefore = "0";

  readonly #url: string;

  /**
   * Does not connect yet.
   *
   * @throws UsageError when `url` is no Postgres URL.
   */
  constructor(url: string) {
    this.pool = databasePool(url, {
      max: maxConnections,
      applicationName: "millrace quickstart",
    });
    this.#url = url;
  }

  /**
   * Creates the table if it is missing, and remembers where this program's rows begin.
   *
   * @throws DatabaseUnusableError.
   */
  async open(): Promise<void> {
    await this.#ask(createIfMissing);
    // Some other table of that name: better to say so now than to fail at every message.
    await this.#ask("SELECT id, message, created_at FROM messages LIMIT 0");
    this.#lastIdBefore = await this.#ask("SELECT coalesce(max(id), 0) AS answer FROM messages");
  }

  /**
   * All rows, those of earlier runs included.
   *
   * @throws DatabaseUnusableError.
   */
  async rows(): Promise<number> {
    return Number(await this.#ask("SELECT count(*) AS answer FROM messages"));
  }

  /**
   * How many of the greetings 1 to `count` have no row yet that was written since the table was opened.
   *
   * @throws DatabaseUnusableError.
   */
  async missing(count: number): Promise<number> {
    const sql = `
      SELECT count(*) AS answer FROM generate_series(1, $1::bigint) AS n WHERE NOT EXISTS
        (SELECT FROM messages WHERE id > $2 AND message = 'hello world ' || n)`;
    return Number(await this.#ask(sql, [count, this.#lastIdBefore]));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.pool.end();
  }

  /** The answer of a query for one value; "" when it has none. */
  async #ask(sql: string, values: readonly unknown[] = []): Promise<string> {
    try {
      const { rows } = await this.pool.query<{ answer?: string }>(sql, [...values]);
      return rows[0]?.answer ?? "";
    } catch (error) {
      throw new DatabaseUnusableError(this.#url, error);
    }
  }
}
