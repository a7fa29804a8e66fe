/**
 * Batches: many messages in one transaction, each of them once.
 */
import { BatchOutcomeError, deadLetter, OptionError, release, retry } from "millrace";
import type { Message } from "millrace";
import { inboxBatch } from "millrace/postgres";
import type { TransactionEndedError } from "millrace/postgres";
import { VirtualClock } from "millrace/testing";
import type { PoolClient } from "pg";
import { describe, expect, it } from "vitest";
import { acknowledge } from "../../src/consumer/outcome.ts";
import { lockKey } from "../../src/postgres/lock-key.ts";
import { context, did, failure, gate, message, useBench, waiting } from "./bench.ts";

const bench = useBench();

/** The effects of a batch, in one statement. */
async function doAll(messages: readonly Message[], tx: PoolClient): Promise<void> {
  const bodies = messages.map(({ body }) => body);
  await tx.query("INSERT INTO effects SELECT unnest($1::text[])", [bodies]);
}

async function effectsOf(messages: readonly Message[]): Promise<number[]> {
  const effects = await bench.effects(bench.pool());
  return messages.map(({ body }) => effects.filter((what) => what === body).length);
}

const three = (): [Message, Message, Message] => [message(), message(), message()];

it("does what was not done before, and acknowledges all", async () => {
  const pool = bench.pool();
  const jobs = three();
  const told: string[] = [];
  const calls: string[][] = [];
  const handle = inboxBatch(
    pool,
    (messages, tx) => {
      calls.push(messages.map(({ id }) => id));
      return doAll(messages, tx);
    },
    { onDuplicate: ({ id }) => told.push(id) },
  );
  expect(await handle(jobs.slice(0, 2), context())).toEqual([acknowledge, acknowledge]);
  expect(await handle(jobs, context())).toEqual([acknowledge, acknowledge, acknowledge]);
  const [first, second, third] = jobs.map(({ id }) => id);
  expect(calls).toEqual([[first, second], [third]]);
  expect(told).toEqual([first, second]);
  expect(await effectsOf(jobs)).toEqual([1, 1, 1]);
});

it("does not call the handler when all was done before, nor for nothing", async () => {
  const pool = bench.pool();
  const jobs = three();
  let calls = 0;
  const handle = inboxBatch(pool, () => (calls += 1));
  await handle(jobs, context());
  expect(await handle(jobs.toReversed(), context())).toEqual([
    acknowledge,
    acknowledge,
    acknowledge,
  ]);
  expect(await handle([], context())).toEqual([]);
  expect(calls).toBe(1);
});

it("hands a key that is in the batch twice to the handler once", async () => {
  const [a, b] = [message(), message()];
  const told: number[] = [];
  const handle = inboxBatch(bench.pool(), doAll, {
    onDuplicate: ({ receiveCount }) => told.push(receiveCount),
  });
  await handle([a, b, { ...a, receiveCount: 2 }, { ...a, receiveCount: 3 }], context());
  expect(await effectsOf([a, b])).toEqual([1, 1]);
  expect(told).toEqual([2, 3]);
});

it("tells keys apart that Postgres could not", async () => {
  const jobs = three();
  const keys = new Map([
    [jobs[0].id, "\uD800"],
    [jobs[1].id, "\uD801"],
    [jobs[2].id, "\0"],
  ]);
  await inboxBatch(bench.pool(), doAll, { key: ({ id }) => keys.get(id) })(jobs, context());
  expect(await effectsOf(jobs)).toEqual([1, 1, 1]);
});

it("records its keys in one statement", async () => {
  const pool = bench.pool({ max: 1 });
  const statements: string[] = [];
  pool.on("connect", (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
    Object.assign(client, {
      query: (sql: string, ...rest: unknown[]) => {
        statements.push(sql.trim().slice(0, 6));
        return query(sql, ...rest);
      },
    });
  });
  await inboxBatch(pool, doAll)(
    Array.from({ length: 100 }, () => message()),
    context(),
  );
  expect(statements).toEqual(["BEGIN ", "INSERT", "INSERT", "SELECT"]);
});

describe("a batch handler's outcomes", () => {
  it("are one a message: what is not done loses its key, and fares as told", async () => {
    const pool = bench.pool();
    const jobs = [message(), message(), message(), message()];
    const outcomes = [undefined, retry({ afterSeconds: 3 }), deadLetter(), acknowledge];
    const handle = inboxBatch(pool, async (messages, tx) => {
      await doAll(
        messages.filter((_, index) => index === 0 || index === 3),
        tx,
      );
      return outcomes;
    });
    expect(await handle(jobs, context())).toEqual([
      acknowledge,
      outcomes[1],
      outcomes[2],
      acknowledge,
    ]);
    expect(await effectsOf(jobs)).toEqual([1, 0, 0, 1]);
    await inboxBatch(pool, doAll)(jobs, context());
    expect(await effectsOf(jobs)).toEqual([1, 1, 1, 1]);
  });

  it("follow the messages that the handler got, not those of the batch", async () => {
    const pool = bench.pool();
    const [a, b, c] = three();
    await inboxBatch(pool, doAll)([a], context());
    const handle = inboxBatch(pool, () => [release(), acknowledge]);
    expect(await handle([a, b, c, b], context())).toMatchObject([
      { type: "acknowledge" },
      { type: "release" },
      { type: "acknowledge" },
      { type: "release" },
    ]);
  });

  it("that are all undone, or one for all, roll everything back", async () => {
    const pool = bench.pool();
    const jobs = three();
    for (const answer of [retry(), jobs.map(() => retry())]) {
      const handle = inboxBatch(pool, async (messages, tx) => {
        await doAll(messages, tx);
        return answer;
      });
      expect(await handle(jobs, context())).toMatchObject(jobs.map(() => ({ type: "retry" })));
    }
    expect(await effectsOf(jobs)).toEqual([0, 0, 0]);
  });

  it("must be as many as the messages", async () => {
    const jobs = three();
    const handle = inboxBatch(bench.pool(), async (messages, tx) => {
      await doAll(messages, tx);
      return [retry()];
    });
    expect(await failure(handle(jobs, context()))).toBeInstanceOf(BatchOutcomeError);
    expect(await effectsOf(jobs)).toEqual([0, 0, 0]);
  });

  it("are none when it answers a list of something else, which undoes all", async () => {
    const jobs = three();
    const handle = inboxBatch(bench.pool(), async (messages, tx) => {
      await doAll(messages, tx);
      return Promise.allSettled(messages.map(() => Promise.resolve()));
    });
    expect(await failure(handle(jobs, context()))).toBeInstanceOf(BatchOutcomeError);
    expect(await effectsOf(jobs)).toEqual([0, 0, 0]);
  });
});

it.each([
  [1, "entry 0 is a promise, which it has not awaited"],
  [2, "an array of 6 for 3 messages"],
])(
  "undoes all when it answers promises, %i a message, and tells what they reject with",
  async (each, what) => {
    const jobs = three();
    const told: unknown[] = [];
    const all = gate();
    const warn = (_: string, fields?: { error?: unknown }): void => {
      if (told.push(fields?.error) === jobs.length * each) all.open();
    };
    const { signal, worker, logger } = context();
    // Without Promise.all: the second statement of each comes when the transaction is over.
    const twice = async (job: Message, tx: PoolClient): Promise<void> => {
      await doAll([job], tx);
      await doAll([job], tx);
    };
    const handle = inboxBatch(bench.pool(), (messages, tx) =>
      messages.flatMap((job) => Array.from({ length: each }, () => twice(job, tx))),
    );
    const failed = failure(handle(jobs, { signal, worker, logger: { ...logger, warn } }));
    expect(await failed).toBeInstanceOf(BatchOutcomeError);
    expect(await failed).toMatchObject({ message: expect.stringContaining(what) });
    await all.opened;
    expect(new Set(told.map((error) => (error as TransactionEndedError).code))).toEqual(
      new Set(["TRANSACTION_ENDED"]),
    );
    expect(await effectsOf(jobs)).toEqual([0, 0, 0]);
  },
);

it("leaves nothing of any message when it throws, or its signal aborts", async () => {
  const pool = bench.pool();
  const jobs = three();
  const fails = inboxBatch(pool, async (messages, tx) => {
    await doAll(messages, tx);
    throw new Error("no");
  });
  await expect(fails(jobs, context())).rejects.toThrow("no");
  const abort = new AbortController();
  const aborts = inboxBatch(pool, async (messages, tx) => {
    await doAll(messages, tx);
    abort.abort(new Error("stop"));
  });
  await expect(aborts(jobs, context(abort))).rejects.toThrow("stop");
  expect(await effectsOf(jobs)).toEqual([0, 0, 0]);
});

it("batches that share messages, in whatever order, do each once", async () => {
  const jobs = Array.from({ length: 30 }, () => message());
  const handles = [1, 2, 3, 4].map(() => inboxBatch(bench.pool({ max: 2 }), doAll));
  const batches = handles.flatMap((handle) => [
    handle(jobs, context()),
    handle(jobs.toReversed(), context()),
  ]);
  await Promise.all(batches);
  expect(await effectsOf(jobs)).toEqual(jobs.map(() => 1));
});

it("batches that share messages wait for one another, and never in a ring", async () => {
  const jobs = three().toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const [eye, blocker] = [bench.pool(), await bench.client()];
  // The key in the middle is held, so that those before it are taken and those behind it are not.
  await blocker.query("BEGIN");
  await blocker.query("INSERT INTO millrace_inbox VALUES ('000000000000/jobs', $1, now())", [
    jobs[1]?.id,
  ]);
  // A conflict would have them wait on this clock, which stands still.
  const clock = new VirtualClock();
  const pools = [bench.pool(), bench.pool()];
  const batches = pools.map((pool, i) =>
    inboxBatch(pool, doAll, { clock })(i === 0 ? jobs : jobs.toReversed(), context()),
  );
  await Promise.all(pools.map((pool) => waiting(pool, "millrace_inbox", eye)));
  await blocker.query("ROLLBACK");
  await Promise.all(batches);
  expect(await effectsOf(jobs)).toEqual([1, 1, 1]);
});

it("waits for all locks of its messages, and never in a ring", async () => {
  const lock = ({ body }: { body: string }): string => body;
  const numberOf = (name: string): bigint =>
    BigInt(lockKey("inbox", "millrace_inbox", "000000000000/jobs", name));
  const names = ["a", "b", "c"].toSorted((a, b) => (numberOf(a) < numberOf(b) ? -1 : 1));
  const batch = (bodies: readonly string[]): Message[] => bodies.map((body) => message({ body }));
  // The lock in the middle is held, so that those before it are taken and those behind it are not.
  const [inside, end] = [gate(), gate()];
  const holder = inboxBatch(
    bench.pool(),
    async () => {
      inside.open();
      await end.opened;
    },
    { lock },
  )(batch(names.slice(1, 2)), context());
  await inside.opened;
  const [eye, pools] = [bench.pool(), [bench.pool(), bench.pool()]];
  const batches = pools.map((pool, i) =>
    inboxBatch(pool, doAll, { lock })(batch(i === 0 ? names : names.toReversed()), context()),
  );
  await Promise.all(pools.map((pool) => waiting(pool, "pg_advisory_xact_lock", eye)));
  end.open();
  await Promise.all([holder, ...batches]);
});

it("refuses what cannot work", () => {
  expect(() => inboxBatch(bench.pool(), 1 as never)).toThrow(OptionError);
  expect(() => inboxBatch(bench.pool(), doAll, { retentionDays: -1 })).toThrow(OptionError);
});

it.each([
  {
    how: "hides",
    schema: "hiding",
    sqlState: "02000",
    message: "name the table with its schema",
  },
  {
    how: "leaves out",
    schema: "lacking",
    sqlState: "42P01",
    message: "the keys of messages could not be taken back",
  },
])(
  "commits nothing where a handler's search path $how the table of keys that are to be taken back",
  async ({ schema, sqlState, message: text }) => {
    const pool = bench.pool();
    await pool.query("CREATE SCHEMA IF NOT EXISTS lacking");
    await pool.query("CREATE SCHEMA IF NOT EXISTS hiding");
    await pool.query(
      "CREATE TABLE IF NOT EXISTS hiding.millrace_inbox (LIKE millrace_inbox INCLUDING ALL)",
    );
    const [done, again] = [message(), message()];
    const handled: string[] = [];
    const handle = inboxBatch(pool, async (messages, tx) => {
      handled.push(...messages.map(({ id }) => id));
      await did(tx, done.body);
      await tx.query(`SET LOCAL search_path TO ${schema}`);
      return messages.map((each) => (each === again ? retry() : undefined));
    });
    for (let run = 0; run < 2; run += 1) {
      expect(await failure(handle([done, again], context()))).toMatchObject({
        code: "STATEMENT_FAILED",
        sqlState,
        message: expect.stringContaining(text),
      });
    }
    expect(handled).toEqual([done.id, again.id, done.id, again.id]);
    expect(await effectsOf([done])).toEqual([0]);
  },
);
