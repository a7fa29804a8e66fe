/**
 * Owns the ledger of a soak: a table in Postgres with a row for each time that a message was handled to its
 * end. It never decides whether what it shows is right.
 */
import { Pool } from "pg";
import type { Numbered } from "./numbered.ts";

/** What the ledger shows of the messages from 1 to a count. */
export interface LedgerFigures {
  readonly rows: number;
  /** Rows beyond the first of a message. */
  readonly duplicates: number;
  /** Messages without a row. */
  readonly missing: number;
  /** Some of those, for a look into it. */
  readonly someMissing: readonly number[];
  /** Rows of messages that were never sent. */
  readonly unknown: number;
  /** Messages handled for the first time before their predecessor in the lane was. */
  readonly overtaking: number;
}

export class Ledger implements AsyncDisposable {
  readonly #pool: Pool;

  /** @param connections how many at once, at most. */
  constructor(url: string, connections: number) {
    this.#pool = new Pool({
      connectionString: url,
      max: connections,
      connectionTimeoutMillis: 2_000,
    });
    // An idle connection that breaks is replaced; a busy one fails its query, which says so.
    this.#pool.on("error", () => {});
  }

  /** Makes the table. */
  async create(): Promise<void> {
    await this.#pool.query(
      `CREATE TABLE ledger (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        n integer NOT NULL,
        lane text NOT NULL,
        consumer text NOT NULL
      )`,
    );
  }

  /** Writes a row; resolves when it is committed. A rejection leaves open whether it was. */
  async record({ n, lane }: Numbered, consumer: string): Promise<void> {
    await this.#pool.query("INSERT INTO ledger (n, lane, consumer) VALUES ($1, $2, $3)", [
      n,
      lane,
      consumer,
    ]);
  }

  /** Compares the rows with the messages from 1 to `count`. */
  async figures(count: number): Promise<LedgerFigures> {
    const { rows } = await this.#pool.query<Record<string, number> & { some_missing: number[] }>(
      `WITH first AS (SELECT n, lane, min(id) AS id, count(*) AS rows FROM ledger GROUP BY n, lane),
        sent AS (SELECT generate_series(1, $1::integer) AS n),
        lost AS (SELECT n FROM sent WHERE n NOT IN (SELECT n FROM first) ORDER BY n),
        ordered AS (SELECT id < max(id) OVER (
          PARTITION BY lane ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS early FROM first)
      SELECT
        (SELECT count(*) FROM ledger)::integer AS rows,
        (SELECT coalesce(sum(rows - 1), 0) FROM first)::integer AS duplicates,
        (SELECT count(*) FROM lost)::integer AS missing,
        ARRAY(SELECT n FROM lost LIMIT 10) AS some_missing,
        (SELECT count(*) FROM ledger WHERE n NOT BETWEEN 1 AND $1)::integer AS unknown,
        (SELECT count(*) FROM ordered WHERE early)::integer AS overtaking`,
      [count],
    );
    const [row] = rows;
    const figure = (name: string): number => row?.[name] ?? Number.NaN;
    return {
      rows: figure("rows"),
      duplicates: figure("duplicates"),
      missing: figure("missing"),
      someMissing: row?.some_missing ?? [],
      unknown: figure("unknown"),
      overtaking: figure("overtaking"),
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#pool.end();
  }
}
