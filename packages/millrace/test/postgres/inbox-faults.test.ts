/**
 * What goes wrong between Postgres and the inbox: connections that break and signals that abort, in every
 * phase of the transaction.
 */
import { Socket } from "node:net";
import { LeaseLostError, retry } from "millrace";
import { VirtualClock } from "millrace/testing";
import { CommitUnknownError, DatabaseUnavailableError, inbox } from "millrace/postgres";
import type { InboxOptions } from "millrace/postgres";
import { Client, Pool } from "pg";
import type { QueryResult } from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  context,
  did,
  ended,
  failure,
  gate,
  kill,
  message,
  noticing,
  pidOf,
  settingsSql,
  until,
  useBench,
  waiting,
} from "./bench.ts";

const bench = useBench();

/**
 * Each phase of a delivery, held up: `reached` resolves with the backend's pid when the delivery is in it;
 * `let` it go on afterwards.
 */
interface Phase {
  readonly name: string;
  readonly options?: InboxOptions<string>;
  /** Holds it up, with a client of its own. Answers how to stop doing so. */
  readonly hold: (job: { id: string }) => Promise<() => Promise<unknown>>;
  /** What the waiting statement contains. */
  readonly statement: string;
  /** Of the error, when the backend is killed. */
  readonly code: string;
}

/** Both waits of ours, and one of the handler's: its effect waits for a lock on the table. */
const phases: Phase[] = [
  {
    name: "waiting for its lock",
    options: { lock: () => "seat 1" },
    hold: () => holdLock("seat 1"),
    statement: "pg_advisory_xact_lock",
    code: "DATABASE_UNAVAILABLE",
  },
  {
    name: "waiting for its lock, above read committed",
    options: { lock: () => "seat 2", isolation: "serializable" },
    hold: () => holdLock("seat 2"),
    statement: "pg_advisory_lock",
    code: "DATABASE_UNAVAILABLE",
  },
  {
    name: "recording its key",
    hold: async ({ id }) => {
      const client = await bench.client();
      await client.query("BEGIN");
      await client.query(
        "INSERT INTO millrace_inbox VALUES ('000000000000/jobs', $1, now() + interval '1 day')",
        [id],
      );
      return () => client.query("ROLLBACK");
    },
    statement: "millrace_inbox",
    code: "DATABASE_UNAVAILABLE",
  },
  {
    name: "running its handler",
    hold: async () => {
      const client = await bench.client();
      await client.query("BEGIN; LOCK TABLE effects IN SHARE ROW EXCLUSIVE MODE");
      return () => client.query("ROLLBACK");
    },
    statement: "effects",
    code: "57P01",
  },
  {
    name: "committing",
    hold: holdCommit,
    statement: "COMMIT",
    code: "COMMIT_UNKNOWN",
  },
];

/** Holds the commits of all who have effects. */
async function holdCommit(): Promise<() => Promise<unknown>> {
  const client = await bench.client();
  // A deferred trigger runs within COMMIT, and waits there for a lock.
  await client.query(`
    CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER wait_at_commit AFTER INSERT ON effects
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_at_commit()`);
  await client.query("BEGIN; SELECT pg_advisory_xact_lock(4711)");
  return async () => {
    await client.query("ROLLBACK");
    await client.query("DROP FUNCTION wait_at_commit CASCADE");
  };
}

/** Holds a lock in the middle of a handler of another process's. */
async function holdLock(name: string): Promise<() => Promise<unknown>> {
  const [inside, end] = [gate(), gate()];
  const handle = inbox(
    bench.pool(),
    async () => {
      inside.open();
      await end.opened;
    },
    { lock: () => name },
  );
  const done = handle(message(), context());
  await inside.opened;
  return () => {
    end.open();
    return done;
  };
}

function isCommit(text: unknown): boolean {
  return typeof text === "string" && text.endsWith("COMMIT");
}

async function effectsOf({ body }: { body: string }): Promise<number> {
  return (await bench.effects(bench.pool())).filter((what) => what === body).length;
}

describe.each(phases)("while $name", ({ options, hold, statement, code }) => {
  it("a killed backend leaves nothing, and the redelivery does it once", async () => {
    const [pool, eye] = [bench.pool({ max: 1 }), bench.pool()];
    const job = message();
    const handle = inbox(pool, ({ body }, tx) => did(tx, body), options);
    const letGo = await hold(job);
    const failed = failure(handle(job, context()));
    await kill(await waiting(pool, statement, eye), eye);
    expect(await failed).toMatchObject({ code });
    expect(pool.totalCount, "the client is not used again").toBe(0);
    await letGo();
    expect(await effectsOf(job)).toBe(0);
    await handle(job, context());
    await handle(job, context());
    expect(await effectsOf(job)).toBe(1);
  });

  it("an abort ends it with the signal's reason, at once and in Postgres too", async () => {
    const [pool, eye] = [bench.pool({ max: 1 }), bench.pool()];
    const job = message();
    const handle = inbox(pool, ({ body }, tx) => did(tx, body), options);
    const letGo = await hold(job);
    const abort = new AbortController();
    const delivery = handle(job, context(abort));
    const pid = await waiting(pool, statement, eye);
    const reason = new LeaseLostError(job.id, "a test wants it so");
    abort.abort(reason);
    await expect(delivery).rejects.toBe(reason);
    // What holds it up still does: its backend ends by itself, since nobody is there any more.
    await ended(pid, eye);
    await letGo();
    expect(await effectsOf(job)).toBe(0);
    await handle(job, context());
    expect(await effectsOf(job)).toBe(1);
  });
});

describe("an abort", () => {
  const reason = new Error("stop");

  it("before it begins takes no client", async () => {
    const pool = bench.pool();
    const handle = inbox(pool, () => undefined, { lock: () => "any" });
    const delivery = handle(message(), { ...context(), signal: AbortSignal.abort(reason) });
    await expect(delivery).rejects.toBe(reason);
    expect(pool.totalCount).toBe(0);
  });

  it("while it waits for the pool ends the wait, and the client goes to the next", async () => {
    const pool = bench.pool({ max: 1 });
    const client = await pool.connect();
    const abort = new AbortController();
    const handle = inbox(pool, ({ body }, tx) => did(tx, body));
    const aborted = handle(message(), context(abort));
    const job = message();
    const next = handle(job, context());
    await until(() => Promise.resolve(pool.waitingCount === 2 ? true : undefined));
    abort.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    client.release();
    await next;
    expect(await effectsOf(job)).toBe(1);
  });

  it("while it waits for its turn in this process ends the wait, and the turn goes to the next", async () => {
    const pool = bench.pool();
    const [inside, end] = [gate(), gate()];
    const handle = inbox(
      pool,
      async ({ body }, tx) => {
        inside.open();
        await end.opened;
        await did(tx, body);
      },
      { lock: () => "seat 3" },
    );
    const jobs = [message(), message(), message()] as const;
    const abort = new AbortController();
    const first = handle(jobs[0], context());
    await inside.opened;
    const second = handle(jobs[1], context(abort));
    const third = handle(jobs[2], context());
    abort.abort(reason);
    await expect(second).rejects.toBe(reason);
    end.open();
    await Promise.all([first, third]);
    expect(await Promise.all(jobs.map(effectsOf))).toEqual([1, 0, 1]);
  });

  it("that a handler does not mind is waited for, and leaves nothing all the same", async () => {
    const [pool, eye] = [bench.pool(), bench.pool()];
    const job = message();
    const abort = new AbortController();
    const end = gate();
    let pid = 0;
    let done = false;
    const handle = inbox(pool, async ({ body }, tx) => {
      await did(tx, body);
      pid = await pidOf(tx);
      abort.abort(reason);
      // Its client is gone: nothing that it still asks for can happen.
      await expect(did(tx, body)).rejects.toThrow(/closed|terminated/i);
      await end.opened;
      done = true;
    });
    const delivery = handle(job, context(abort));
    let settled = false;
    void delivery.catch(() => (settled = true));
    await ended(pid, eye);
    expect(settled).toBe(false);
    end.open();
    await expect(delivery).rejects.toBe(reason);
    expect({ done, effects: await effectsOf(job) }).toEqual({ done: true, effects: 0 });
  });

  it("counts for more than the outcome of a handler that does not mind it", async () => {
    const abort = new AbortController();
    const handle = inbox(bench.pool(), () => {
      abort.abort(reason);
      return retry();
    });
    await expect(handle(message(), context(abort))).rejects.toBe(reason);
  });

  it("while it waits to run again after a conflict ends that", async () => {
    const abort = new AbortController();
    const clock = new VirtualClock();
    const conflict = "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$";
    const handle = inbox(bench.pool(), (_, tx) => tx.query(conflict), { clock });
    const delivery = handle(message(), context(abort));
    const eye = bench.pool();
    await until(async () => {
      await eye.query("SELECT");
      return clock.pendingTimers > 0 ? true : undefined;
    });
    abort.abort(reason);
    await expect(delivery).rejects.toBe(reason);
    expect(clock.pendingTimers).toBe(0);
  });
});

it("a connection that breaks in the handler, between statements, leaves nothing", async () => {
  const [pool, eye] = [bench.pool({ max: 1 }), bench.pool()];
  const job = message();
  const handle = inbox(pool, async ({ body }, tx) => {
    await did(tx, body);
    const broken = new Promise((resolve) => void tx.once("error", resolve));
    await kill(await pidOf(tx), eye);
    await broken;
  });
  await expect(handle(job, context())).rejects.toBeInstanceOf(CommitUnknownError);
  expect(await effectsOf(job)).toBe(0);
});

it("a connection that ends as it begins fails the delivery, and nothing else", async () => {
  class Doomed extends Client {
    override connect(done?: unknown): Promise<Client> {
      const connected = done as (error: Error | null) => void;
      super.connect((error: Error | null) => {
        connected(error);
        this.emit("error", new Error("it ended together with its beginning"));
      });
      return Promise.resolve(this);
    }
  }
  const pool = bench.pool({ Client: Doomed });
  let runs = 0;
  const handle = inbox(pool, () => (runs += 1));
  // The event alone breaks nothing here: it must find a listener, or the process ends.
  await handle(message(), context());
  expect(runs).toBe(1);
});

it("a commit whose answer is lost fails the delivery, and the redelivery finds it done", async () => {
  const [pool, eye] = [bench.pool({ max: 1 }), bench.pool()];
  pool.on("connect", (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
    // It commits; then the connection breaks before anybody has heard of it.
    const losing = async (...args: unknown[]): Promise<unknown> => {
      const pid = isCommit(args[0]) ? await pidOf(client) : undefined;
      const answer = await query(...args);
      if (pid === undefined) return answer;
      const broken = new Promise((resolve) => void client.once("error", resolve));
      await kill(pid, eye);
      await broken;
      throw new Error("Connection terminated unexpectedly");
    };
    Object.assign(client, { query: losing });
  });
  const job = message();
  let runs = 0;
  const handle = inbox(pool, async ({ body }, tx) => {
    runs += 1;
    await did(tx, body);
  });
  await expect(handle(job, context())).rejects.toBeInstanceOf(CommitUnknownError);
  await handle(job, context());
  expect({ runs, effects: await effectsOf(job) }).toEqual({ runs: 1, effects: 1 });
});

it("a commit that pg does not wait for fails the delivery as unknown, and the redelivery finds out", async () => {
  const [pool, eye] = [bench.pool({ max: 1 }), bench.pool()];
  const timedOut = gate();
  pool.on("connect", (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
    // As with the pool's own query_timeout, but for the commit alone.
    const impatient = async (...args: unknown[]): Promise<unknown> => {
      if (!isCommit(args[0])) return query(...args);
      return query({ text: args[0], query_timeout: 100 }).catch((error: unknown) => {
        timedOut.open();
        throw error;
      });
    };
    Object.assign(client, { query: impatient });
  });
  const job = message();
  const handle = inbox(pool, ({ body }, tx) => did(tx, body));
  const letGo = await holdCommit();
  const delivery = failure(handle(job, context()));
  await waiting(pool, "COMMIT", eye);
  await timedOut.opened;
  await letGo();
  expect(await delivery).toBeInstanceOf(CommitUnknownError);
  await handle(job, context());
  expect(await effectsOf(job)).toBe(1);
});

it("a host with several addresses, none of which answers, is said not to", async () => {
  const addresses = ["127.0.0.1", "127.0.0.2"].map((address) => ({ address, family: 4 }));
  const lookup = (_host: string, _options: unknown, done: (...found: unknown[]) => void): void =>
    done(null, addresses);
  const stream = (): Socket => {
    const socket = new Socket();
    const connect = socket.connect.bind(socket) as (options: unknown) => Socket;
    const anyOf = (port: number, host: string): Socket => connect({ port, host, lookup });
    return Object.assign(socket, { connect: anyOf });
  };
  const nowhere = new Pool({ host: "db.internal", port: 1, stream });
  onTestFinished(() => nowhere.end());
  await expect(inbox(nowhere, () => undefined)(message(), context())).rejects.toMatchObject({
    message: "no connection: connect ECONNREFUSED 127.0.0.1:1",
    cause: { code: "ECONNREFUSED" },
  });
});

it("no connection to be had is an error of the library's, and passes", async () => {
  const nowhere = new Pool({ connectionString: "postgres://localhost:1/none" });
  onTestFinished(() => nowhere.end());
  const handle = inbox(nowhere, () => undefined);
  await expect(handle(message(), context())).rejects.toMatchObject({
    code: "DATABASE_UNAVAILABLE",
    cause: { code: "ECONNREFUSED" },
  });
});

it("a pool that gives up waiting is an error of the library's", async () => {
  const pool = bench.pool({ max: 1, connectionTimeoutMillis: 500 });
  const held = await until(() => pool.connect().catch(() => undefined));
  const handle = inbox(pool, () => undefined);
  await expect(handle(message(), context())).rejects.toBeInstanceOf(DatabaseUnavailableError);
  held.release();
});

it("a server that cannot look whether its client is there is used without that", async () => {
  const pool = bench.pool({ max: 1 });
  let refused = 0;
  pool.on("connect", (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
    const unknowing = (sql: unknown, ...rest: unknown[]): Promise<unknown> => {
      const set = typeof sql === "string" && sql.includes("client_connection_check_interval");
      if (set) refused += 1;
      return query(set ? `BEGIN; SET LOCAL no_such_setting_of_postgres = 1` : sql, ...rest);
    };
    Object.assign(client, { query: unknowing });
  });
  const jobs = [message(), message()];
  const handle = inbox(pool, ({ body }, tx) => did(tx, body));
  for (const job of jobs) await handle(job, context());
  expect(await Promise.all(jobs.map(effectsOf))).toEqual([1, 1]);
  expect({ refused, clients: pool.totalCount }).toEqual({ refused: 1, clients: 1 });
});

/** The first connection leads to a server that takes no writes, as one does that was made before a failover. */
function afterFailover(pool: Pool): Pool {
  pool.once("connect", (client) => void client.query("SET default_transaction_read_only = on"));
  return pool;
}

it("a connection to a server that takes no writes is not used again", async () => {
  const pool = afterFailover(bench.pool({ max: 1 }));
  const job = message();
  const handle = inbox(pool, ({ body }, tx) => did(tx, body));
  await expect(handle(job, context())).rejects.toMatchObject({
    code: "DATABASE_UNAVAILABLE",
    cause: { code: "25006" },
  });
  await handle(job, context());
  expect(await effectsOf(job)).toBe(1);
});

it.each<{ options: InboxOptions<string>; looks: number }>([
  { options: {}, looks: 0 },
  { options: { isolation: "serializable" }, looks: 0 },
  { options: { lock: () => "seat 3" }, looks: 1 },
  // In the transaction that waits for the session's lock, and before and after the lock of its own.
  { options: { lock: () => "seat 3", isolation: "repeatable read" }, looks: 3 },
])(
  "Postgres notices within a minute that the host of a transaction is gone, from its begin on (%o)",
  async ({ options, looks }) => {
    // Linux's own count is 9 as well.
    const pool = bench.pool({ max: 1, options: "-c tcp_keepalives_count=3" });
    const sql = settingsSql(Object.keys(noticing));
    const atLocks: unknown[] = [];
    pool.on("connect", (client) => {
      const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
      const looking = async (text: unknown, ...rest: unknown[]): Promise<unknown> => {
        if (typeof text !== "string" || !text.includes("pg_advisory")) return query(text, ...rest);
        const lock = "SELECT pg_advisory";
        const results = await query(text.replaceAll(lock, `${sql}; ${lock}`));
        const rows = (results as QueryResult<object>[]).flatMap((result) => result.rows);
        atLocks.push(...rows.filter((row) => "settings" in row));
        return results;
      };
      Object.assign(client, { query: looking });
    });
    const { rows: otherwise } = await pool.query<object>(sql);
    let within: unknown;
    await inbox(
      pool,
      async (_, tx) => {
        within = (await tx.query<object>(sql)).rows;
      },
      options,
    )(message(), context());
    const noticed = { settings: noticing };
    expect(within).toEqual([noticed]);
    expect(atLocks).toEqual(Array.from({ length: looks }, () => noticed));
    expect((await pool.query<object>(sql)).rows).toEqual(otherwise);
  },
);
