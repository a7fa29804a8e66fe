import { randomUUID } from "node:crypto";
import { inspect } from "node:util";
import { acknowledge } from "../../src/consumer/outcome.ts";
import { deadLetter, OptionError, release, retry } from "millrace";
import {
  inbox,
  InboxKeyError,
  outbox,
  StatementError,
  TransactionAbortedError,
  TransactionEndedError,
} from "millrace/postgres";
import type { InboxOptions } from "millrace/postgres";
import type { Pool } from "pg";
import { describe, expect, it } from "vitest";
import { context, did, failure, gate, message, useBench, waiting } from "./bench.ts";

const bench = useBench();

/** What of a message is in the database, by its body. */
async function effectsOf(pool: Pool, { body }: { body: string }): Promise<number> {
  return (await bench.effects(pool)).filter((what) => what === body).length;
}

describe("a message's effects happen once:", () => {
  it("a redelivery is acknowledged without the handler", async () => {
    const pool = bench.pool();
    const told: string[] = [];
    let runs = 0;
    const handle = inbox(
      pool,
      async ({ body }, tx) => {
        runs += 1;
        await did(tx, body);
        return "a value";
      },
      { onDuplicate: ({ id }) => told.push(id) },
    );
    const first = message();
    expect(await handle(first, context())).toBe("a value");
    expect(await handle({ ...first, receiveCount: 2 }, context())).toBe(acknowledge);
    expect({ runs, told, effects: await effectsOf(pool, first) }).toEqual({
      runs: 1,
      told: [first.id],
      effects: 1,
    });
  });

  it("whatever it throws, neither effects nor key stay, and the next delivery does it", async () => {
    const pool = bench.pool({ max: 1 });
    const job = message();
    // oxlint-disable-next-line typescript/only-throw-error -- user code throws anything
    for (const thrown of [new Error("no"), undefined, "text", null]) {
      const fails = inbox(pool, async (_, tx) => {
        await did(tx, job.body);
        throw thrown;
      });
      await expect(fails(job, context())).rejects.toBe(thrown);
    }
    expect(await effectsOf(pool, job)).toBe(0);
    await inbox(pool, ({ body }, tx) => did(tx, body))(job, context());
    expect(await effectsOf(pool, job)).toBe(1);
  });

  it.each([
    ["retry", retry({ afterSeconds: 7 })],
    ["release", release()],
    ["deadLetter", deadLetter()],
  ])("%s() leaves neither effects nor key, and is passed on", async (_, outcome) => {
    const pool = bench.pool({ max: 1 });
    const job = message();
    let runs = 0;
    const handle = inbox(pool, async ({ body }, tx) => {
      await did(tx, body);
      return runs++ === 0 ? outcome : undefined;
    });
    expect(await handle(job, context())).toBe(outcome);
    expect(await effectsOf(pool, job)).toBe(0);
    await handle(job, context());
    expect({ runs, effects: await effectsOf(pool, job) }).toEqual({ runs: 2, effects: 1 });
  });

  it("two deliveries at once: the second waits for the first, and finds it done", async () => {
    const [one, two, eye] = [bench.pool(), bench.pool(), bench.pool()];
    const [inFirst, end] = [gate(), gate()];
    const job = message();
    let runs = 0;
    const work = (pool: Pool): ReturnType<typeof inbox<string>> =>
      inbox(pool, async ({ body }, tx) => {
        runs += 1;
        await did(tx, body);
        inFirst.open();
        await end.opened;
      });
    const first = work(one)(job, context());
    await inFirst.opened;
    const second = work(two)({ ...job, receiveCount: 2 }, context());
    await waiting(two, "millrace_inbox", eye);
    end.open();
    await Promise.all([first, second]);
    expect({ runs, effects: await effectsOf(eye, job) }).toEqual({ runs: 1, effects: 1 });
  });

  it("two deliveries at once: the second does it when the first fails", async () => {
    const [one, two, eye] = [bench.pool(), bench.pool(), bench.pool()];
    const [inFirst, end] = [gate(), gate()];
    const job = message();
    const failing = inbox(one, async ({ body }, tx) => {
      await did(tx, body);
      inFirst.open();
      await end.opened;
      throw new Error("too late");
    })(job, context());
    await inFirst.opened;
    const second = inbox(two, ({ body }, tx) => did(tx, body))(job, context());
    await waiting(two, "millrace_inbox", eye);
    end.open();
    await expect(failing).rejects.toThrow("too late");
    await second;
    expect(await effectsOf(eye, job)).toBe(1);
  });

  it("a failed statement that the handler swallows is not taken for a commit", async () => {
    const pool = bench.pool({ max: 1 });
    const job = message();
    const handle = inbox(pool, async ({ body }, tx) => {
      await did(tx, body);
      await tx.query("SELECT 1 / 0").catch(() => undefined);
    });
    await expect(handle(job, context())).rejects.toBeInstanceOf(TransactionAbortedError);
    expect({ clients: pool.totalCount, effects: await effectsOf(pool, job) }).toEqual({
      clients: 1,
      effects: 0,
    });
    await inbox(pool, ({ body }, tx) => did(tx, body))(job, context());
    expect(await effectsOf(pool, job)).toBe(1);
  });

  it("a statement that fails within a savepoint is the handler's own business", async () => {
    const pool = bench.pool();
    const job = message();
    const handle = inbox(pool, async ({ body }, tx) => {
      await tx.query("SAVEPOINT attempt");
      await tx.query("SELECT 1 / 0").catch(() => tx.query("ROLLBACK TO attempt"));
      await did(tx, body);
    });
    await handle(job, context());
    expect(await effectsOf(pool, job)).toBe(1);
  });

  it.each(["COMMIT", "ROLLBACK"])(
    "a handler that says %s itself is not acknowledged",
    async (sql) => {
      const pool = bench.pool({ max: 1 });
      const handle = inbox(pool, async (_, tx) => {
        await tx.query(sql);
      });
      await expect(handle(message(), context())).rejects.toBeInstanceOf(TransactionEndedError);
      expect(pool.totalCount, "the client is not used again").toBe(0);
    },
  );

  it("a commit that Postgres refuses leaves nothing, and the connection is used again", async () => {
    const pool = bench.pool({ max: 1 });
    await pool.query(`CREATE TABLE parents (id integer PRIMARY KEY);
      CREATE TABLE children (parent integer REFERENCES parents DEFERRABLE INITIALLY DEFERRED)`);
    const job = message();
    const handle = inbox(pool, async ({ body }, tx) => {
      await did(tx, body);
      await tx.query("INSERT INTO children VALUES (1)");
    });
    await expect(handle(job, context())).rejects.toMatchObject({
      code: "STATEMENT_FAILED",
      sqlState: "23503",
    });
    expect({ clients: pool.totalCount, effects: await effectsOf(pool, job) }).toEqual({
      clients: 1,
      effects: 0,
    });
  });

  it("with a pool of one, messages take turns", async () => {
    const pool = bench.pool({ max: 1 });
    const handle = inbox(pool, ({ body }, tx) => did(tx, body));
    const jobs = Array.from({ length: 20 }, () => message());
    await Promise.all([...jobs, ...jobs].map((job) => handle(job, context())));
    const effects = await bench.effects(pool);
    expect(jobs.map(({ body }) => effects.filter((what) => what === body).length)).toEqual(
      jobs.map(() => 1),
    );
  });
});

describe("the key", () => {
  /** Whether the second is taken for the first. */
  async function same(
    first: Parameters<typeof message>[0],
    second: Parameters<typeof message>[0],
    options?: InboxOptions<string>,
  ): Promise<boolean> {
    const pool = bench.pool();
    let runs = 0;
    const handle = inbox(pool, () => (runs += 1), options);
    await handle(message(first), context());
    await handle(message(second), context());
    return runs === 1;
  }

  it("is the idempotency key, whatever the message id", async () => {
    expect(await same({ id: "1a", idempotencyKey: "k1" }, { id: "1b", idempotencyKey: "k1" })).toBe(
      true,
    );
    expect(await same({ id: "2", idempotencyKey: "k2" }, { id: "2", idempotencyKey: "k3" })).toBe(
      false,
    );
  });

  it("is the message id where no key was stamped", async () => {
    expect(await same({ id: "3" }, { id: "3" })).toBe(true);
    expect(await same({ id: "4" }, { id: "5" })).toBe(false);
  });

  it("is what the option says, and the default where it answers undefined", async () => {
    const options = { key: ({ body }: { body: string }) => (body === "" ? undefined : body) };
    expect(await same({ body: "order 1" }, { body: "order 1" }, options)).toBe(true);
    expect(await same({ body: "" }, { body: "" }, options)).toBe(false);
  });

  it("may be long, or hold what Postgres cannot", async () => {
    // What compresses well would fit into an index all the same.
    const long = Array.from({ length: 500 }, () => randomUUID()).join();
    const options = { key: ({ body }: { body: string }) => body };
    expect(await same({ body: `${long}1` }, { body: `${long}1` }, options)).toBe(true);
    expect(await same({ body: `${long}2` }, { body: `${long}3` }, options)).toBe(false);
    expect(await same({ body: "\0" }, { body: "\0" }, options)).toBe(true);
    // On their way to Postgres both become the same character.
    expect(await same({ body: "\uD801" }, { body: "\uD802" }, options)).toBe(false);
    expect(await same({ body: "\uD800" }, { body: "\uD800" }, options)).toBe(true);
    expect(await same({ body: "\u{1F600}" }, { body: "\u{1F601}" }, options)).toBe(false);
  });

  it("counts within the queue, by whatever endpoint it is reached", async () => {
    const queueUrl = "https://sqs.eu-west-1.amazonaws.com/123456789012/a";
    const other = queueUrl.replace("/a", "/b");
    const local = "http://127.0.0.1:1/123456789012/a";
    expect(await same({ id: "6", queueUrl }, { id: "6", queueUrl: other })).toBe(false);
    expect(await same({ id: "6b", queueUrl }, { id: "6b", queueUrl: local })).toBe(true);
  });

  it("counts within the scope, where one is given", async () => {
    const id = "7";
    const other = "http://localhost:9324/000000000000/dead";
    expect(await same({ id }, { id, queueUrl: other }, { scope: "orders" })).toBe(true);
    const pool = bench.pool();
    let runs = 0;
    await inbox(pool, () => (runs += 1), { scope: "refunds" })(message({ id }), context());
    expect(runs).toBe(1);
  });

  it.each([[""], [7], [null]])("cannot be %j", async (key) => {
    const pool = bench.pool();
    const handle = inbox(pool, () => undefined, { key: () => key as string });
    await expect(handle(message(), context())).rejects.toBeInstanceOf(InboxKeyError);
  });
});

it("says how the table comes about when it is missing", async () => {
  const handle = inbox(bench.pool({ max: 1 }), () => undefined, { table: "public.nowhere" });
  const error: unknown = await handle(message(), context()).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(StatementError);
  expect(error).toMatchObject({ sqlState: "42P01", message: expect.stringContaining("migrate(") });
});

it("contains what onDuplicate throws", async () => {
  const job = message();
  const handle = inbox(bench.pool(), () => undefined, {
    onDuplicate: () => {
      throw new Error("no");
    },
  });
  await handle(job, context());
  expect(await handle(job, context())).toBe(acknowledge);
});

it.each<[string, unknown]>([
  ["key", "id"],
  ["lock", true],
  ["scope", ""],
  ["scope", "a".repeat(251)],
  ["scope", "\0"],
  ["table", "a.b.c"],
  ["table", 'x"; DROP TABLE effects; --'],
  ["table", `t${"x".repeat(50)}`],
  ["retentionDays", 0],
  ["retentionDays", Number.NaN],
  ["isolation", "read uncommitted"],
  ["onDuplicate", 1],
  ["retries", 1],
])("refuses an impossible %s: %j", (option, value) => {
  const make = (): unknown => inbox(bench.pool(), () => undefined, { [option]: value });
  expect(make).toThrow(OptionError);
  expect(make).toThrow(expect.objectContaining({ option }));
});

it("refuses what is no pool, and what is no handler", () => {
  expect(() => inbox({} as Pool, () => undefined)).toThrow(OptionError);
  expect(() => inbox(bench.pool(), "x" as never)).toThrow(OptionError);
});

it.each([
  ["postgres://app:hunter2@db.internal/app", '"(not shown: string)"'],
  [{ connectionString: "postgres://app:hunter2@db.internal/app" }, '"(not shown: object)"'],
  [undefined, "undefined"],
])("shows nothing of what was given in place of a pool (%#)", async (value, shown) => {
  const pool = value as unknown as Pool;
  const made = Promise.resolve().then(() => inbox(pool, () => undefined));
  await expect(made).rejects.toMatchObject({
    code: "INVALID_OPTION",
    option: "pool",
    message: `pool must be a Pool of pg; received ${shown}`,
  });
  const stored = failure(outbox(pool, "jobs", "a"));
  expect(inspect(await stored)).not.toContain("hunter2");
  expect(await stored).toMatchObject({ code: "INVALID_OPTION", option: "tx" });
});
