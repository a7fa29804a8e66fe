/**
 * Owns how a program comes by its Postgres, and by connections to it. It never creates a table.
 */
import { startLocalPostgres } from "@millrace/local-postgres";
import { Pool } from "pg";
import { UsageError } from "./failure.ts";
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
    screen.line("postgres", "the one of DATABASE_URL", "quiet");
    return { url, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const postgres = await startLocalPostgres({ durable: false, signal });
  screen.line("postgres", `psql ${postgres.url}`, "quiet");
  return postgres;
}

const connectTimeoutMs = 5_000;
const queryTimeoutMs = 30_000;

/** A pool that ends with the block that it was made for. */
export class DatabasePool extends Pool implements AsyncDisposable {
  [Symbol.asyncDispose](): Promise<void> {
    return this.end();
  }
}

/**
 * Connections, `max` at most. It does not connect yet.
 *
 * @param applicationName what the database shows of them.
 * @throws UsageError when `url` is no Postgres URL.
 */
export function databasePool(url: string, max: number, applicationName: string): DatabasePool {
  requirePostgresUrl(url);
  const pool = new DatabasePool({
    connectionString: url,
    max,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: queryTimeoutMs,
    application_name: applicationName,
  });
  // An idle connection broke. The pool makes another; when it cannot, the query that needs it says so.
  pool.on("error", () => {});
  return pool;
}

function requirePostgresUrl(url: string): void {
  if (/^postgres(?:ql)?:\/\//.test(url) && URL.canParse(url)) return;
  // What it is instead may hold a password.
  throw new UsageError("DATABASE_URL must be postgres://user:password@host:port/database");
}
