/**
 * What a handler can do with the client of its transaction, and what it cannot: end it, keep it, use it later.
 */
import { retry } from "millrace";
import { inbox, inboxBatch, TransactionEndedError } from "millrace/postgres";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { Client, Query } from "pg";
import type { Pool, PoolClient } from "pg";
import { describe, expect, it } from "vitest";
import { context, did, failure, gate, message, useBench } from "./bench.ts";

const bench = useBench();

/** Runs `use` as a handler of a fresh message. */
async function handling(pool: Pool, use: (tx: PoolClient) => unknown): Promise<void> {
  await inbox(pool, (_, tx) => use(tx))(message(), context());
}

const done = async (pool: Pool, what: string): Promise<number> =>
  (await bench.effects(pool)).filter((effect) => effect.startsWith(what)).length;

describe("once the handler has ended", () => {
  it("a step that goes on beside one that threw does nothing any more", async () => {
    const pool = bench.pool({ max: 1 });
    const [letGoOn, over] = [gate(), gate()];
    let late: unknown;
    const failed = handling(pool, async (tx) => {
      const goesOn = async (): Promise<void> => {
        await did(tx, "step 1");
        await letGoOn.opened;
        late = await failure(did(tx, "step 2"));
        over.open();
      };
      const fails = async (): Promise<void> => {
        await tx.query("SELECT");
        throw new Error("the other step failed");
      };
      await Promise.all([goesOn(), fails()]);
    });
    await expect(failed).rejects.toThrow("the other step failed");
    letGoOn.open();
    await over.opened;
    expect(late).toBeInstanceOf(TransactionEndedError);
    expect(await done(pool, "step")).toBe(0);
  });

  it("nothing that comes late gets into the transaction of the next message", async () => {
    const pool = bench.pool({ max: 1 });
    let kept: PoolClient | undefined;
    await inboxBatch(pool, (_, tx) => {
      kept = tx;
    })([message()], context());
    const late = kept;
    await handling(pool, async (tx) => {
      await did(tx, "mine");
      if (late === undefined) throw new Error("no client was kept");
      await expect(did(late, "not mine")).rejects.toBeInstanceOf(TransactionEndedError);
      const byCallback = new Promise((resolve) => {
        late.query("SELECT", [], resolve);
      });
      expect(await byCallback).toBeInstanceOf(TransactionEndedError);
      expect(() => late.query(new Query("SELECT"))).toThrow(TransactionEndedError);
    });
    expect({ mine: await done(pool, "mine"), others: await done(pool, "not") }).toEqual({
      mine: 1,
      others: 0,
    });
  });

  it("what it did not await, but asked for in time, is part of the transaction", async () => {
    const pool = bench.pool({ max: 1 });
    await handling(pool, (tx) => void did(tx, "not awaited"));
    expect(await done(pool, "not awaited")).toBe(1);
  });
});

describe("the end of the transaction", () => {
  it.each([
    "COMMIT",
    "commit",
    "ROLLBACK",
    "rollback and chain",
    "BEGIN",
    "begin isolation level serializable",
    "START TRANSACTION",
    "END",
    "ABORT",
    "PREPARE TRANSACTION 'x'",
    " /* now */ ; -- really\n COMMIT",
    "/* one /* within */ another */ COMMIT",
    "/**/ROLLBACK/*/ not TO */WORK",
    "start -- a\n transaction",
  ])("is not the handler's to say: %s is refused, and nothing has happened", async (text) => {
    const pool = bench.pool({ max: 1 });
    await handling(pool, async (tx) => {
      await did(tx, `before ${text}`);
      await expect(tx.query(text)).rejects.toBeInstanceOf(TransactionEndedError);
      await expect(tx.query({ text })).rejects.toBeInstanceOf(TransactionEndedError);
      await did(tx, `before ${text}`);
    });
    expect(await done(pool, `before ${text}`)).toBe(2);
  });

  it.each([
    "SAVEPOINT s; ROLLBACK TO s",
    "savepoint s; rollback work to savepoint s",
    "SELECT 'COMMIT'",
    "SAVEPOINT s; ROLLBACK /* all the way */ TO s",
    "/* COMMIT */ SELECT",
    "-- COMMIT",
    "/* /* */ COMMIT */ SELECT",
    "SELECT 1 AS first, 2 AS commit",
  ])("is not what a savepoint's is: %s passes", async (text) => {
    const pool = bench.pool({ max: 1 });
    await handling(pool, async (tx) => {
      for (const statement of text.split("; ")) await tx.query(statement);
    });
  });

  it("is told from other statements without trying, however many comments come first", async () => {
    const pool = bench.pool({ max: 1 });
    const comments = "/* a */ ".repeat(50_000);
    await handling(pool, async (tx) => {
      await tx.query(`${comments}SELECT`);
      await expect(tx.query(`${comments}COMMIT`)).rejects.toBeInstanceOf(TransactionEndedError);
    });
  });

  it("is not a query builder's: its own transaction does not begin", async () => {
    const pool = bench.pool({ max: 1 });
    await handling(pool, async (tx) => {
      const db = drizzle({ client: tx });
      const own = db.transaction((inner) =>
        inner.execute(sql`INSERT INTO effects VALUES ('inner')`),
      );
      expect(await failure(own)).toMatchObject({ cause: { code: "TRANSACTION_ENDED" } });
      await db.execute(sql`INSERT INTO effects VALUES ('outer')`);
    });
    expect({ inner: await done(pool, "inner"), outer: await done(pool, "outer") }).toEqual({
      inner: 0,
      outer: 1,
    });
  });

  it("hidden in a query of several is found, and nothing more is done without a transaction", async () => {
    const pool = bench.pool({ max: 1 });
    const failed = handling(pool, async (tx) => {
      await tx.query("SELECT; ROLLBACK");
      await did(tx, "without a transaction");
    });
    await expect(failed).rejects.toBeInstanceOf(TransactionEndedError);
    expect(await done(pool, "without")).toBe(0);
  });

  it.each(["SELECT; ROLLBACK; BEGIN", "SELECT; ROLLBACK AND CHAIN"])(
    "hidden in a query that begins another is found: %s",
    async (text) => {
      const pool = bench.pool({ max: 1 });
      const failed = handling(pool, async (tx) => {
        await did(tx, `before ${text}`);
        await tx.query(text);
        await did(tx, `after ${text}`);
      });
      await expect(failed).rejects.toBeInstanceOf(TransactionEndedError);
      expect(await bench.effects(pool)).not.toContainEqual(expect.stringContaining(text));
    },
  );

  const hidden = "SELECT; COMMIT; BEGIN";
  it.each<[string, (tx: PoolClient) => unknown]>([
    ["wants the message again", () => retry()],
    ["throws", () => Promise.reject(new Error("too late"))],
    ["swallows a statement that fails", (tx) => tx.query("SELECT 1 / 0").catch(() => {})],
    ["meets a conflict", (tx) => tx.query("DO $$ BEGIN RAISE serialization_failure; END $$")],
  ])("hidden, when it commits, is told where the handler then %s", async (what, then) => {
    const pool = bench.pool({ max: 1 });
    let runs = 0;
    const failed = handling(pool, async (tx) => {
      runs += 1;
      await did(tx, `hidden commit: ${what}`);
      await tx.query(hidden);
      return then(tx);
    });
    await expect(failed).rejects.toBeInstanceOf(TransactionEndedError);
    expect({ runs, done: await done(pool, `hidden commit: ${what}`) }).toEqual({
      runs: 1,
      done: 1,
    });
  });

  it.each(["CLOSE ALL", "RESET ALL", "SAVEPOINT s; CLOSE ALL; ROLLBACK TO s"])(
    "is not %s",
    async (text) => {
      const pool = bench.pool({ max: 1 });
      await handling(pool, async (tx) => {
        for (const statement of text.split("; ")) await tx.query(statement);
        await did(tx, text);
      });
      expect(await done(pool, text)).toBe(1);
    },
  );

  it("hidden in a query of several is found with a pg that does not know the connection's status", async () => {
    const pool = bench.pool({ max: 1 });
    pool.on("connect", (client) =>
      Object.assign(client, { getTransactionStatus: () => undefined }),
    );
    const failed = handling(pool, (tx) => tx.query("SELECT; ROLLBACK"));
    await expect(failed).rejects.toBeInstanceOf(TransactionEndedError);
  });
});

it("a release by the handler, or by a query builder, does no harm", async () => {
  const pool = bench.pool({ max: 1 });
  await handling(pool, async (tx) => {
    await did(tx, "released");
    tx.release();
    expect(pool.idleCount, "clients given to others meanwhile").toBe(0);
    await did(tx, "released");
  });
  expect(await done(pool, "released")).toBe(2);
});

it("is a client of pg in all else", async () => {
  const pool = bench.pool({ max: 1 });
  await handling(pool, async (tx) => {
    expect(tx).toBeInstanceOf(Client);
    expect(tx.escapeLiteral("it's")).toBe("'it''s'");
    const notices: unknown[] = [];
    const listen = (notice: { message?: string | undefined }): unknown =>
      notices.push(notice.message);
    tx.on("notice", listen);
    await tx.query("DO $$ BEGIN RAISE NOTICE 'hello'; END $$");
    tx.off("notice", listen);
    expect(notices).toEqual(["hello"]);
    const byCallback = new Promise((resolve) => {
      tx.query("SELECT 7 AS seven", (_, result) => resolve(result.rows));
    });
    expect(await byCallback).toEqual([{ seven: 7 }]);
  });
});
