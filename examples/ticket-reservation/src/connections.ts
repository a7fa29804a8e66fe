/**
 * Owns what connections to Postgres web server and workers take, and whether a local one has room for all of them. It
 * never opens one.
 */
import { UsageError } from "programs";
import type { DatabasePoolOptions } from "programs";

/** A request needs one for some milliseconds, and its sender waits; the relay keeps one. */
export const webConnections: DatabasePoolOptions = {
  max: 16,
  applicationName: "tickets web",
  queryTimeoutMs: 5_000,
};

/** Of a local Postgres's 100; the web server and whoever looks on want the rest. */
const maxWorkerConnections = 75;

/** One for each decision under way, and two for the looks whether the database is there, and at old keys. */
export function workerConnections(concurrency: number): number {
  return concurrency + 2;
}

/** @throws UsageError when so many workers would not find room. */
export function requireRoom(plan: {
  readonly workers: number;
  readonly concurrency: number;
}): void {
  const { workers, concurrency } = plan;
  if (workers * workerConnections(concurrency) <= maxWorkerConnections) return;
  throw new UsageError(
    `${workers} workers of ${concurrency} need more connections than Postgres has room for: fewer of the one or the other`,
  );
}
