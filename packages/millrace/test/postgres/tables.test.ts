/**
 * The tables: their creation by many at once, their SQL, and the deletion of what is past its retention.
 */
import { OptionError } from "millrace";
import { inbox, inboxSql, migrate, outboxSql, sweep } from "millrace/postgres";
import type { Pool } from "pg";
import { describe, expect, it } from "vitest";
import { useTestDatabase } from "../../../../test/database.ts";
import { failure, Bench, context, did, message, waiting } from "./bench.ts";

// Without the tables: they are what is tested here.
const bench = new Bench(useTestDatabase());

async function tables(pool: Pool, like: string): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
     WHERE tablename LIKE $1 ORDER BY 1`,
    [like],
  );
  return rows.map(({ name }) => name);
}

/** Columns and indexes of a table, without its name. */
async function shape(pool: Pool, table: string): Promise<unknown> {
  const columns = await pool.query(
    "SELECT attname, atttypid::regtype::text, attnotnull FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 ORDER BY attnum",
    [table],
  );
  const indexes = await pool.query<{ definition: string }>(
    "SELECT pg_get_indexdef(indexrelid) AS definition FROM pg_index WHERE indrelid = $1::regclass ORDER BY 1",
    [table],
  );
  return [columns.rows, indexes.rows.map(({ definition }) => definition.replace(/^.* USING/, ""))];
}

describe("migrate", () => {
  it("creates what is missing, when twenty processes start at once", async () => {
    const pool = bench.pool({ max: 20 });
    await Promise.all(Array.from({ length: 20 }, () => migrate(pool)));
    await migrate(pool);
    expect(await tables(pool, "millrace%")).toEqual([
      "public.millrace_inbox",
      "public.millrace_outbox",
    ]);
  });

  it("creates tables of other names, in other schemas", async () => {
    const pool = bench.pool();
    await pool.query("CREATE SCHEMA jobs");
    await migrate(pool, { inbox: "jobs.Done", outbox: "jobs.to_send" });
    expect(await tables(pool, "%")).toEqual(
      expect.arrayContaining(['jobs."Done"', "jobs.to_send"]),
    );
    const handle = inbox(pool, () => undefined, { table: "jobs.Done" });
    await handle(message(), context());
    expect((await pool.query('SELECT queue FROM jobs."Done"')).rows).toEqual([
      { queue: "000000000000/jobs" },
    ]);
  });

  it("does what the exported SQL does", async () => {
    const pool = bench.pool();
    await migrate(pool);
    await pool.query(inboxSql("own_inbox"));
    await pool.query(outboxSql("own_outbox"));
    expect(await shape(pool, "own_inbox")).toEqual(await shape(pool, "millrace_inbox"));
    expect(await shape(pool, "own_outbox")).toEqual(await shape(pool, "millrace_outbox"));
  });

  it("needs no right to create anything where the tables are there", async () => {
    const pool = bench.pool();
    await migrate(pool);
    await pool.query("CREATE ROLE millrace_test_reader LOGIN PASSWORD 'x'");
    try {
      const url = new URL(bench.url);
      url.username = "millrace_test_reader";
      url.password = "x";
      await migrate(bench.pool({ connectionString: url.href }));
    } finally {
      await pool.query("DROP ROLE millrace_test_reader");
    }
  });

  it("ends with its signal while it waits for others", async () => {
    const [pool, eye] = [bench.pool({ max: 1 }), bench.pool()];
    const client = await bench.client();
    await client.query("BEGIN; CREATE TABLE millrace_late (x integer)");
    const abort = new AbortController();
    const migrating = migrate(pool, { inbox: "millrace_late", signal: abort.signal });
    await waiting(pool, "millrace_late", eye);
    abort.abort(new Error("stop"));
    await expect(migrating).rejects.toThrow("stop");
    await client.query("ROLLBACK");
  });

  it.each([["a b"], [""], ["a.b.c"], ['a"b'], ["1a"], ["x".repeat(51)]])(
    "refuses %j for a table",
    async (name) => {
      await expect(migrate(bench.pool(), { inbox: name })).rejects.toBeInstanceOf(OptionError);
      expect(() => inboxSql(name)).toThrow(OptionError);
      expect(() => outboxSql(name)).toThrow(OptionError);
    },
  );

  it("refuses one table for both", async () => {
    await expect(migrate(bench.pool(), { inbox: "jobs", outbox: "jobs" })).rejects.toMatchObject({
      code: "INVALID_OPTION",
      option: "outbox",
    });
  });

  it("refuses one table for both, with its schema and without, and makes none", async () => {
    const pool = bench.pool();
    const migrating = migrate(pool, { inbox: "both", outbox: "public.both" });
    await expect(migrating).rejects.toMatchObject({ code: "STATEMENT_FAILED", sqlState: "42P07" });
    const { rows } = await pool.query("SELECT to_regclass('both') AS both");
    expect(rows).toEqual([{ both: null }]);
  });

  it("makes an outbox that takes no options but an object", async () => {
    const pool = bench.pool();
    await migrate(pool);
    const sql = "INSERT INTO millrace_outbox (queue, body, options) VALUES ('q', 'b', $1)";
    for (const options of ["null", "[]", "7"]) {
      expect(await failure(pool.query(sql, [options]))).toMatchObject({ code: "23514" });
    }
  });

  it("says why it cannot", async () => {
    await expect(migrate(bench.pool(), { inbox: "no_such_schema.inbox" })).rejects.toMatchObject({
      code: "STATEMENT_FAILED",
      sqlState: "3F000",
    });
  });
});

describe("sweep", () => {
  async function fill(pool: Pool, table: string, past: number, kept: number): Promise<void> {
    await migrate(pool, { inbox: table });
    await pool.query(
      `INSERT INTO ${table} SELECT 'q', n::text, now() + CASE WHEN n <= $1 THEN -n ELSE n END * interval '1 minute'
       FROM generate_series(1, $1::integer + $2::integer) AS n`,
      [past, kept],
    );
  }

  async function count(pool: Pool, table: string): Promise<number> {
    const { rows } = await pool.query<{ n: number }>(`SELECT count(*)::integer AS n FROM ${table}`);
    return rows[0]?.n ?? -1;
  }

  it("deletes what is past its retention, in batches, and nothing else", async () => {
    const pool = bench.pool({ max: 1 });
    await fill(pool, "swept", 25, 7);
    expect(await sweep(pool, { table: "swept", batchSize: 10 })).toBe(25);
    expect(await count(pool, "swept")).toBe(7);
    expect(await sweep(pool, { table: "swept" })).toBe(0);
  });

  it("is shared by those who sweep at once", async () => {
    const pool = bench.pool();
    await fill(pool, "shared", 1_000, 0);
    const sweeps = Array.from({ length: 5 }, () => sweep(pool, { table: "shared", batchSize: 10 }));
    const deleted = (await Promise.all(sweeps)).reduce((sum, n) => sum + n, 0);
    // What one has locked the others skip; they end before it does.
    expect(deleted + (await count(pool, "shared"))).toBe(1_000);
    expect(await sweep(pool, { table: "shared" })).toBe(1_000 - deleted);
  });

  it("ends with its signal, and keeps what it has done", async () => {
    const pool = bench.pool({ max: 1 });
    await fill(pool, "aborted", 30, 0);
    const abort = new AbortController();
    let statements = 0;
    pool.on("release", () => {
      statements += 1;
      if (statements === 2) abort.abort(new Error("stop"));
    });
    const options = { table: "aborted", batchSize: 10, signal: abort.signal };
    await expect(sweep(pool, options)).rejects.toThrow("stop");
    expect(await count(pool, "aborted")).toBe(10);
  });

  it("keeps a key for fifteen days, or as long as the inbox says", async () => {
    const pool = bench.pool();
    await migrate(pool);
    await pool.query("CREATE TABLE effects (what text)");
    const [first, second] = [message(), message()];
    await inbox(pool, ({ body }, tx) => did(tx, body))(first, context());
    await inbox(pool, ({ body }, tx) => did(tx, body), { retentionDays: 1.5 })(second, context());
    const { rows } = await pool.query<{ days: number }>(
      `SELECT round(extract(epoch FROM expires_at - now()) / 86400, 1)::float8 AS days
       FROM millrace_inbox WHERE key IN ($1, $2) ORDER BY 1`,
      [first.id, second.id],
    );
    expect(rows.map(({ days }) => days)).toEqual([1.5, 15]);
  });

  it.each<[string, unknown]>([
    ["batchSize", 0],
    ["batchSize", 1.5],
    ["table", "a b"],
    ["retentionDays", 1],
  ])("refuses an impossible %s: %j", async (option, value) => {
    await expect(sweep(bench.pool(), { [option]: value })).rejects.toMatchObject({ option });
  });
});
