/**
 * Owns how a program comes by its Postgres, and by connections to it. It never creates a table.
 */
import { startLocalPostgres } from "@millrace/local-postgres";
import { Pool } from "pg";
import { placeOf, UsageError } from "./failure.ts";
import type { Surroundings } from "./program.ts";

/**
 * A Postgres: that of DATABASE_URL, which is left as it is, or one that lives as long as this program.
 *
 * @throws UsageError when DATABASE_URL is no Postgres URL.
 */
export async function openDatabase({
  screen,
  signal,
}: Surroundings): Promise<{ readonly url: string } & AsyncDisposable> {
  const url = process.env["DATABASE_URL"] ?? "";
  if (url !== "") {
    requirePostgresUrl(url);
    screen.line("postgres", `the one of DATABASE_URL: ${placeOf(url)}`, "quiet");
    return { url, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const postgres = await startLocalPostgres({ durable: false, signal });
  screen.line("postgres", `psql ${postgres.url}`, "quiet");
  return postgres;
}

const connectTimeoutMs = 5_000;

export interface DatabasePoolOptions {
  /** Connections at most. */
  readonly max: number;
  /** What the database shows of them. */
  readonly applicationName: string;
  /** How long a statement may take, in ms. Default 30,000: soon enough for what nobody waits for. */
  readonly queryTimeoutMs?: number | undefined;
}

/** A pool that ends with the block that it was made for. */
export class DatabasePool extends Pool implements AsyncDisposable {
  [Symbol.asyncDispose](): Promise<void> {
    return this.end();
  }
}

/**
 * Connections that may break at any time: the statement under way, or the next one, says so. It does not connect yet.
 *
 * @throws UsageError when `url` is no Postgres URL.
 */
export function databasePool(url: string, options: DatabasePoolOptions): DatabasePool {
  requirePostgresUrl(url);
  const { max, applicationName, queryTimeoutMs = 30_000 } = options;
  const pool = new DatabasePool({
    connectionString: url,
    max,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: queryTimeoutMs,
    application_name: applicationName,
  });
  // An idle connection broke. The pool makes another; when it cannot, the query that needs it says so.
  pool.on("error", ignore);
  // One that is lent says so to whoever listens, and ends the process where nobody does. Whoever is lent one by a
  // promise listens too late: the end of a connection can arrive together with its beginning.
  pool.on("connect", (client) => client.on("error", ignore));
  return pool;
}

function ignore(): void {}

function requirePostgresUrl(url: string): void {
  if (/^postgres(?:ql)?:\/\//.test(url) && URL.canParse(url)) return;
  // What it is instead may hold a password.
  throw new UsageError("DATABASE_URL must be postgres://user:password@host:port/database");
}
