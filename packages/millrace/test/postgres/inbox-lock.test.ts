/**
 * Locks and conflicts: messages that must not run side by side, and transactions that met.
 */
import { inbox, StatementError } from "millrace/postgres";
import type { Isolation } from "millrace/postgres";
import { VirtualClock } from "millrace/testing";
import type { PoolClient } from "pg";
import { describe, expect, it } from "vitest";
import { lockKey } from "../../src/postgres/lock-key.ts";
import { context, did, failure, gate, message, until, useBench, waiting } from "./bench.ts";

const bench = useBench();
const isolations: Isolation[] = ["read committed", "repeatable read", "serializable"];

/** A counter that is read, then written: what is not kept apart counts too little. */
async function count(tx: PoolClient, name: string): Promise<void> {
  const { rows } = await tx.query<{ value: number }>("SELECT value FROM counters WHERE name = $1", [
    name,
  ]);
  await tx.query(
    "INSERT INTO counters VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    [name, (rows[0]?.value ?? 0) + 1],
  );
}

describe.each(isolations)("messages with one lock, at %s", (isolation) => {
  it("run one at a time, in all processes, and see what the one before did", async () => {
    // Two inboxes with pools of their own stand for two processes.
    const pools = [bench.pool(), bench.pool()];
    let conflicts = 0;
    const handles = pools.map((pool) =>
      inbox(
        pool,
        async (_, tx) => {
          conflicts += 1;
          await count(tx, isolation);
        },
        { lock: () => isolation, isolation },
      ),
    );
    const ten = Array.from({ length: 10 });
    await Promise.all(handles.flatMap((handle) => ten.map(() => handle(message(), context()))));
    const { rows } = await bench
      .pool()
      .query("SELECT value FROM counters WHERE name = $1", [isolation]);
    expect(rows).toEqual([{ value: 20 }]);
    expect(conflicts, "nobody had to run again").toBe(20);
  });

  it("leave no lock behind", async () => {
    const pool = bench.pool();
    const options = { lock: () => `${isolation} 2`, isolation };
    await inbox(pool, () => undefined, options)(message(), context());
    const fails = inbox(pool, () => Promise.reject(new Error("no")), options);
    await expect(fails(message(), context())).rejects.toThrow("no");
    const { rows } = await pool.query(
      "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    );
    expect(rows).toEqual([]);
  });
});

it("messages with different locks, or none, run side by side", async () => {
  const pool = bench.pool();
  const jobs = [
    message({ body: "a" }),
    message({ body: "b" }),
    message({ body: "" }),
    message({ body: "" }),
  ];
  const all = gate();
  let inside = 0;
  const handle = inbox(
    pool,
    async () => {
      inside += 1;
      if (inside === jobs.length) all.open();
      await all.opened;
    },
    { lock: ({ body }) => (body === "" ? undefined : body) },
  );
  await Promise.all(jobs.map((job) => handle(job, context())));
  expect(inside).toBe(jobs.length);
});

it("those that wait for one lock in one process leave the pool to others", async () => {
  const pool = bench.pool({ max: 2 });
  const [inside, end] = [gate(), gate()];
  const handle = inbox(
    pool,
    async ({ body }) => {
      if (body === "other") return;
      inside.open();
      await end.opened;
    },
    { lock: ({ body }) => body },
  );
  const hot = Array.from({ length: 10 }, () => handle(message({ body: "hot" }), context()));
  await inside.opened;
  // It would wait for ever behind the nine if each of them held a client.
  await handle(message({ body: "other" }), context());
  end.open();
  await Promise.all(hot);
});

it("a lock of another process's is waited for with one client of the pool", async () => {
  const [pool, eye] = [bench.pool({ max: 2 }), bench.pool()];
  const [inside, end] = [gate(), gate()];
  const lock = ({ body }: { body: string }): string => body;
  const holder = inbox(
    bench.pool(),
    async () => {
      inside.open();
      await end.opened;
    },
    { lock },
  )(message({ body: "far" }), context());
  await inside.opened;
  const handle = inbox(pool, ({ body }, tx) => did(tx, body), { lock });
  const jobs = Array.from({ length: 5 }, () => handle(message({ body: "far" }), context()));
  await waiting(pool, "pg_advisory_xact_lock", eye);
  await handle(message({ body: "near" }), context());
  end.open();
  await Promise.all([holder, ...jobs]);
});

it("a scope is shared by those who name it, and keeps its locks apart from others'", async () => {
  const [inside, end] = [gate(), gate()];
  const holder = inbox(
    bench.pool(),
    async () => {
      inside.open();
      await end.opened;
    },
    { lock: () => "x", scope: "seats" },
  )(message(), context());
  await inside.opened;
  await inbox(bench.pool(), () => undefined, { lock: () => "x", scope: "tables" })(
    message(),
    context(),
  );
  await inbox(bench.pool(), () => undefined, { lock: () => "x" })(message(), context());
  const [pool, eye] = [bench.pool(), bench.pool()];
  const queueUrl = "http://localhost:9324/000000000000/another";
  const same = inbox(pool, () => undefined, { lock: () => "x", scope: "seats" });
  const waits = same(message({ queueUrl }), context());
  await waiting(pool, "pg_advisory_xact_lock", eye);
  end.open();
  await Promise.all([holder, waits]);
});

it("the number of a lock is well defined", () => {
  // SHA-256 of ["millrace","inbox","millrace_inbox","q","seat 1"], its first eight bytes, signed.
  expect(lockKey("inbox", "millrace_inbox", "q", "seat 1")).toBe("-6942556810649275090");
  expect(lockKey("a", "b,c")).not.toBe(lockKey("a,b", "c"));
});

describe("a conflict", () => {
  const raise = (state: string): string =>
    `DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '${state}'; END $$`;

  it.each(["40001", "40P01"])(
    "(%s) has the transaction run again, with nothing left of before",
    async (state) => {
      const pool = bench.pool({ max: 1 });
      const job = message();
      let runs = 0;
      const handle = inbox(pool, async ({ body }, tx) => {
        runs += 1;
        await did(tx, body);
        if (runs < 4) await tx.query(raise(state));
      });
      await handle(job, context());
      const effects = (await bench.effects(pool)).filter((what) => what === job.body);
      expect({ runs, effects: effects.length }).toEqual({ runs: 4, effects: 1 });
    },
  );

  it("is found in what a query builder makes of it", async () => {
    let runs = 0;
    const handle = inbox(bench.pool(), async (_, tx) => {
      runs += 1;
      if (runs > 1) return;
      await tx.query(raise("40001")).catch((cause: unknown) => {
        throw new Error("Failed query", { cause: new Error("wrapped twice", { cause }) });
      });
    });
    await handle(message(), context());
    expect(runs).toBe(2);
  });

  it("that does not pass is a failure after five runs", async () => {
    let runs = 0;
    const handle = inbox(bench.pool({ max: 1 }), async (_, tx) => {
      runs += 1;
      await tx.query(raise("40001"));
    });
    await expect(handle(message(), context())).rejects.toMatchObject({ code: "40001" });
    expect(runs).toBe(5);
  });

  it("is waited out with growing pauses", async () => {
    const clock = new VirtualClock();
    const handle = inbox(bench.pool({ max: 1 }), (_, tx) => tx.query(raise("40001")), {
      clock,
      random: () => 0.999,
    });
    const eye = bench.pool();
    const pauses: number[] = [];
    const failed = failure(handle(message(), context()));
    for (let i = 0; i < 4; i += 1) {
      const ms = await until(async () => {
        await eye.query("SELECT");
        return clock.nextTimerMs();
      });
      pauses.push(Math.round(ms));
      await clock.advance(ms);
    }
    expect(await failed).toMatchObject({ code: "40001" });
    expect(pauses).toEqual([10, 20, 40, 80]);
  });

  it("of another kind is a failure at once", async () => {
    let runs = 0;
    const handle = inbox(bench.pool(), async (_, tx) => {
      runs += 1;
      await tx.query(raise("23505"));
    });
    await expect(handle(message(), context())).rejects.toMatchObject({ code: "23505" });
    expect(runs).toBe(1);
  });

  it("between two that wait for each other ends with both done", async () => {
    const both = gate();
    let inside = 0;
    const handle = inbox(bench.pool(), async ({ body }, tx) => {
      const locks = body === "ab" ? [1, 2] : [2, 1];
      await tx.query("SELECT pg_advisory_xact_lock(91, $1)", [locks[0]]);
      inside += 1;
      if (inside === 2) both.open();
      await both.opened;
      await tx.query("SELECT pg_advisory_xact_lock(91, $1)", [locks[1]]);
      await did(tx, `deadlock ${body}`);
    });
    await Promise.all(["ab", "ba"].map((body) => handle(message({ body }), context())));
    const effects = await bench.effects(bench.pool());
    expect(effects.filter((what) => what.startsWith("deadlock"))).toEqual([
      "deadlock ab",
      "deadlock ba",
    ]);
  });

  it("between serializable transactions is found at the commit, and both are done", async () => {
    const both = gate();
    let runs = 0;
    const handle = inbox(
      bench.pool(),
      async ({ body }, tx) => {
        runs += 1;
        // Each reads what the other writes: one of them at most can have come first.
        const { rows } = await tx.query(
          "SELECT count(*)::integer AS n FROM effects WHERE what LIKE 'skew%'",
        );
        if (runs === 2) both.open();
        await both.opened;
        await did(tx, `skew ${body} saw ${rows[0]?.n}`);
      },
      { isolation: "serializable" },
    );
    await Promise.all(["a", "b"].map((body) => handle(message({ body }), context())));
    const effects = await bench.effects(bench.pool());
    const saw = effects.filter((what) => what.startsWith("skew")).map((what) => what.at(-1));
    expect(new Set(saw)).toEqual(new Set(["0", "1"]));
    expect(runs).toBeGreaterThan(2);
  });

  it("of the library's own statements is met likewise", async () => {
    // Above read committed, a key that another has recorded since our snapshot is a serialization failure.
    const [one, two, eye] = [bench.pool(), bench.pool(), bench.pool()];
    const [inside, end] = [gate(), gate()];
    const job = message();
    const first = inbox(one, async () => {
      inside.open();
      await end.opened;
    })(job, context());
    await inside.opened;
    let runs = 0;
    const second = inbox(two, () => (runs += 1), { isolation: "serializable" })(job, context());
    await waiting(two, "millrace_inbox", eye);
    end.open();
    await Promise.all([first, second]);
    expect(runs).toBe(0);
  });
});

it("a refused begin is an error of the library's", async () => {
  const pool = bench.pool({ max: 1 });
  pool.on("connect", (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
    const refusing = (sql: unknown, ...rest: unknown[]): Promise<unknown> =>
      query(
        typeof sql === "string" && sql.startsWith("BEGIN") ? "SELECT no_such_column" : sql,
        ...rest,
      );
    Object.assign(client, { query: refusing });
  });
  const handle = inbox(pool, () => undefined);
  await expect(handle(message(), context())).rejects.toBeInstanceOf(StatementError);
});
