/**
 * Owns what the tests of inbox and outbox stand on: a database of their own, pools that must be whole in the
 * end, messages, and ways to see what waits in Postgres. It never sleeps.
 */
import { getEventListeners } from "node:events";
import { setImmediate } from "node:timers";
import type { HandlerContext, Message } from "millrace";
import { migrate } from "millrace/postgres";
import { Pool } from "pg";
import type { PoolClient, PoolConfig } from "pg";
import { expect, onTestFinished, vi } from "vitest";
import { useTestDatabase } from "../../../../test/database.ts";

/** Tables of ours, and one for effects, which is not unique: what is done twice is there twice. */
export function useBench(): Bench {
  const url = useTestDatabase(async (_, templateUrl) => {
    const pool = new Pool({ connectionString: templateUrl });
    await migrate(pool);
    await pool.query("CREATE TABLE effects (what text NOT NULL)");
    await pool.query("CREATE TABLE counters (name text PRIMARY KEY, value integer NOT NULL)");
    await pool.end();
  });
  return new Bench(url);
}

let names = 0;

export class Bench {
  readonly #url: () => string;

  constructor(url: () => string) {
    this.#url = url;
  }

  get url(): string {
    return this.#url();
  }

  /** A pool that at the test's end must have got all of its clients back. */
  pool(config: PoolConfig = {}): Pool {
    const application_name = `pool ${++names}`;
    const pool = new Pool({ connectionString: this.url, application_name, ...config });
    pool.on("error", () => {}); // Backends are killed here.
    onTestFinished(async () => {
      // A connection that nobody waits for any more may still be on its way.
      await vi.waitFor(() => {
        const lent = pool.totalCount - pool.idleCount;
        const { waitingCount } = pool;
        expect({ lent, waitingCount }, "clients that are not back, and requests for one").toEqual({
          lent: 0,
          waitingCount: 0,
        });
      });
      await pool.end();
    });
    return pool;
  }

  /** A client of its own, in no pool of the test's. */
  async client(): Promise<PoolClient> {
    const pool = this.pool({ max: 1 });
    const client = await pool.connect();
    client.on("error", () => {});
    onTestFinished(() => client.release(true));
    return client;
  }

  /** What was done, in order. */
  async effects(pool: Pool): Promise<string[]> {
    const { rows } = await pool.query<{ what: string }>("SELECT what FROM effects ORDER BY what");
    return rows.map(({ what }) => what);
  }
}

/** Backends of a pool: what they do and what they wait for. Pools of other files' databases have the same names. */
export async function backends(
  pool: Pool,
  by: Pool,
): Promise<{ pid: number; query: string; waits: string | null; state: string }[]> {
  const { rows } = await by.query(
    `SELECT pid, query, wait_event_type AS waits, state FROM pg_stat_activity
     WHERE application_name = $1 AND datname = current_database()`,
    [pool.options.application_name],
  );
  return rows;
}

/** Asks again and again until `found` answers something; no longer than its test lasts. */
export async function until<T>(found: () => Promise<T | undefined>): Promise<T> {
  const over = new AbortController();
  onTestFinished(() => over.abort(new Error("the test was over before it happened")));
  for (;;) {
    const answer = await found();
    if (answer !== undefined) return answer;
    over.signal.throwIfAborted();
    // What it waits for may need a turn of the event loop.
    await new Promise((resolve) => void setImmediate(resolve));
  }
}

/** What a promise that is to fail rejects with. */
export function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`it was to fail, and came to ${String(value)}`);
    },
    (thrown: unknown) => thrown,
  );
}

/** The backend of `pool` that waits for a lock in a statement that contains `text`. */
export async function waiting(pool: Pool, text: string, by: Pool): Promise<number> {
  return until(async () => {
    const all = await backends(pool, by);
    return all.find(({ query, waits }) => waits === "Lock" && query.includes(text))?.pid;
  });
}

/** Resolves when the backend has ended. */
export async function ended(pid: number, by: Pool): Promise<void> {
  await until(async () => {
    const { rowCount } = await by.query("SELECT FROM pg_stat_activity WHERE pid = $1", [pid]);
    return rowCount === 0 ? true : undefined;
  });
}

export async function kill(pid: number, by: Pool): Promise<void> {
  await by.query("SELECT pg_terminate_backend($1)", [pid]);
}

let ids = 0;

export function message(fields: Partial<Message> = {}): Message {
  const id = `message-${++ids}`;
  return {
    id,
    body: id,
    rawBody: id,
    attributes: {},
    receiveCount: 1,
    sentAt: new Date(0),
    queueUrl: "http://localhost:9324/000000000000/jobs",
    ...fields,
  };
}

/** A context whose signal, when the test is over, nobody must listen to any more. */
export function context(abort: AbortController = new AbortController()): HandlerContext {
  onTestFinished(() => {
    expect(getEventListeners(abort.signal, "abort"), "listeners that are left").toEqual([]);
  });
  const ignore = (): void => {};
  const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
  return { signal: abort.signal, worker: 1, logger };
}

/** A promise to be resolved from outside. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

export async function did(tx: PoolClient | Pool, what: string): Promise<void> {
  await tx.query("INSERT INTO effects (what) VALUES ($1)", [what]);
}

export async function pidOf(tx: PoolClient): Promise<number> {
  const { rows } = await tx.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  return rows[0]?.pid ?? 0;
}

/** What Postgres notices by that a transaction's process, or its host, is gone; as it is set in all of ours. */
export const noticing: Readonly<Record<string, string>> = {
  client_connection_check_interval: "1000",
  tcp_keepalives_count: "9",
  tcp_keepalives_idle: "10",
  tcp_keepalives_interval: "5",
  tcp_user_timeout: "55000",
};

/** Asks for settings by name: one row, whose `settings` holds them. */
export function settingsSql(wanted: readonly string[]): string {
  return `SELECT json_object_agg(name, setting) AS settings FROM pg_settings
    WHERE name IN ('${wanted.join("', '")}')`;
}
